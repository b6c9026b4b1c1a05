// Styles by chance.

/**
 * As many of the page's own styles, chosen at random among those that are not in use.
 * @param {readonly import('./styles.js').Style[]} all
 * @param {import('./look.js').Look['styles']} used
 * @param {number} n
 * @returns {import('./look.js').Look['styles']} fewer where there are no more
 */
export function surprise(all, used, n) {
  const others = all.filter((style) => !style.own && !used.some(({ id }) => id === style.id));
  return Array.from({ length: Math.min(n, others.length) }, () => {
    const [{ id }] = others.splice(Math.floor(Math.random() * others.length), 1);
    return { id, weight: 50 };
  });
}
