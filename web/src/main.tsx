/** Starts the page. */
import { render } from 'preact';
import './style/base.css';
import './style/lobby.css';
import './style/cluster.css';
import './style/game.css';
import { App } from './ui/app';

const root = document.getElementById('app');
if (root) render(<App />, root);
