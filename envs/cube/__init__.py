"""The Rubik's cube as a puzzle: its state, its notation, plans for a hand, and tracking.

    CubeState    which cubelet is where, and how it is turned (cube_state.py)
    facelets     54 stickers <-> state; an illegal cube is refused with the reason
    notation     WCA move strings <-> face turns
    cubelets     rotations of the 26 cubelets -> the nearest state, face angles and distance
    plan_solve   a state -> flips and quarter turns of the top face, as few as found
    FaceTracker  face angles modulo a period -> continuous angles and the state

It needs only numpy: the robot imports it too. Axes are those of the cube's core: U is +z, R +x and
F -y. A quarter turn counts +1 when it is right-handed about the face's outward normal, that is
counterclockwise as one looks at the face. `Flip`, `Turn`, angles and states all use this sign,
except `joint angles`, which turn about the positive axes, as the inner joints of the cube do.
"""
