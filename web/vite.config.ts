import { defineConfig } from 'vitest/config';

// A game server to develop against: `npm run dev`, with gamed (or `gamed --demo`) running beside it.
const server = process.env.TANX_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  build: { outDir: 'dist', target: 'es2022' },
  server: {
    proxy: {
      // The server compares the Host with the Origin: both are this one's.
      '/api': { target: server, changeOrigin: false },
      '/play': { target: server, changeOrigin: false, ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
});
