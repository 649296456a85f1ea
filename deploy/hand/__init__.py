"""The hand as the control loop uses it: driver contract, safety gate, watchdog, emergency stop."""
