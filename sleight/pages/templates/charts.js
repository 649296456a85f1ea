// Draws every figure of the page. The style that all charts share is here, once.
(async () => {
  const family = getComputedStyle(document.body).fontFamily;
  const axis = {
    automargin: true, color: '#6b7480', gridcolor: '#e4e8ec', linecolor: '#aab3bd',
    zeroline: false, nticks: 6, exponentformat: 'SI', tickfont: { size: 11 },
    title: { font: { size: 11.5 }, standoff: 4 },
  };
  const layout = {
    font: { family, size: 12, color: '#2f3640' },
    margin: { l: 44, r: 14, t: 8, b: 26 },
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    hoverlabel: { bgcolor: '#2f3640', bordercolor: '#2f3640', font: { family, color: '#fff', size: 12 },
      align: 'left', namelength: -1 },
    legend: { orientation: 'h', x: 0, y: 1, yanchor: 'bottom', traceorder: 'normal' },
    xaxis: { ...axis, showgrid: false, showline: true, ticks: 'outside', ticklen: 4,
      tickcolor: '#aab3bd', spikecolor: '#aab3bd', spikethickness: 1, hoverformat: ',.7~r' },
    yaxis: { ...axis, ticklabelstandoff: 4, hoverformat: ',.4~r' },
  };
  const config = { displayModeBar: false, responsive: true };
  for (const plot of document.querySelectorAll('.plot')) {
    const figure = JSON.parse(plot.dataset.figure);
    Plotly.newPlot(plot, figure.data, { ...figure.layout, template: { layout } }, config);
    // A page of many charts can be read and scrolled while the others are drawn.
    await new Promise(resolve => setTimeout(resolve));
  }
})();
