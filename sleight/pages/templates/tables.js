// A click on the head of a sortable table's column sorts its rows, by number where there is one.
(() => {
  const number = cell => {
    const match = cell.textContent.trim().match(/^[-+]?[0-9][0-9,]*\.?[0-9]*(e[-+]?[0-9]+)?/i);
    return match ? Number(match[0].replaceAll(',', '')) : NaN;
  };
  const order = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
    return isNaN(x) ? a.textContent.localeCompare(b.textContent) : x - y;
  };
  for (const head of document.querySelectorAll('table.sortable th')) {
    head.addEventListener('click', () => {
      const up = head.getAttribute('aria-sort') !== 'ascending';
      const body = head.closest('table').tBodies[0], at = head.cellIndex;
      for (const other of head.parentElement.children) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const rows = [...body.rows];
      rows.sort((a, b) => (up ? 1 : -1) * order(a.cells[at], b.cells[at]));
      body.append(...rows);
    });
  }
})();
