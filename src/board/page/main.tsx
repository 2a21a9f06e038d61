import { render } from 'preact';
import './style.css';
import { Feed } from './feed.js';
import { Store } from './store.js';
import { App } from './view/app.js';

const root = document.getElementById('board')!;
const isWall = new URLSearchParams(location.search).get('view') === 'wall';
document.documentElement.classList.toggle('wall', isWall);

const store = new Store();
let isDrawn = true;

/** At most once a frame, however much comes. */
function draw(): void {
  if (!isDrawn) return;
  isDrawn = false;
  requestAnimationFrame(() => {
    isDrawn = true;
    render(<App board={store.board} now={store.now()} feed={feed} isWall={isWall} />, root);
  });
}

const feed = new Feed((message) => {
  store.take(message);
  draw();
}, draw);
feed.start();
draw();
