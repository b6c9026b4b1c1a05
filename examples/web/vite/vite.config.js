export default {
  base: './',
  optimizeDeps: { exclude: ['impasto-stylizer'] }, // its files belong beside each other
  worker: { format: 'es' },
};
