/** @type {import('next').NextConfig} */
export default {
  output: 'export', // a static site; leave it out for a server
};
