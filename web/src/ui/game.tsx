/** The page of one game: play or watch it, see who leads, talk, and see which servers run it. */
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { SceneRound } from '../game/scene';
import type { View } from '../game/view';
import type { Hex64 } from '../protocol/bytes';
import { Chat } from './chat';
import { type Commands, listenKeyboard } from './controls-keyboard';
import { Arena } from './game-arena';
import { Help } from './game-help';
import { Icon } from './game-icons';
import { Launcher } from './game-launch';
import { Notice, Toasts } from './game-notice';
import { Play } from './game-play';
import { Feed } from './hud-feed';
import { RoundClock, RoundOver } from './hud-round';
import { Scores } from './hud-scores';
import { StateLine } from './hud-state';
import { loadName, saveName } from './name';
import { gameHref, shareLink } from './route';
import { SettingsPanel } from './settings-panel';
import { changeSettings, settingsNow, useSettings } from './settings-use';
import { TouchPad } from './touch-pad';

/** How often texts around the arena follow the game. */
const TEXTS_MS = 250;
const TICKS_PER_SECOND = 50;

export function GamePage({ game, watch }: { game: Hex64; watch: boolean }) {
  const [visit, again] = useReducer((n: number) => n + 1, 0);
  const play = usePlay(game, watch, visit);
  return play && <Table play={play} game={game} again={() => again(undefined)} />;
}

/** A visit, for as long as the page is open. */
function usePlay(game: Hex64, watch: boolean, visit: number): Play | null {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [play, setPlay] = useState<Play | null>(null);
  useEffect(() => {
    const current = new Play({ game, name: loadName().trim(), watch, settings: settingsNow(), changed: () => redraw(undefined) });
    setPlay(current);
    const texts = setInterval(() => {
      current.tidy(performance.now());
      redraw(undefined);
    }, TEXTS_MS);
    return () => {
      clearInterval(texts);
      current.close();
    };
  }, [game, watch, visit]);
  return play;
}

type Panel = 'scores' | 'chat' | null;
type Dialog = 'settings' | 'help' | null;

function Table({ play, game, again }: { play: Play; game: Hex64; again: () => void }) {
  const settings = useSettings();
  const [panel, setPanel] = useState<Panel>(null);
  const [dialog, setDialog] = useState<Dialog>(null);
  const [large, setLarge] = useState(false);
  const [touch, setTouch] = useState(() => matchMedia('(pointer: coarse)').matches);
  const main = useRef<HTMLElement>(null);
  const chatInput = useRef<HTMLInputElement>(null);
  const { session, watch } = play;
  const { self, view, standings, feed, chat } = session;
  const round = view && roundOf(view);
  const now = performance.now();
  const unread = useUnread(view && (chat.at(-1)?.tick ?? 0), panel === 'chat');

  useEffect(() => play.set(settings), [play, settings]);
  useGestures(play);
  useCommands(play, {
    chat: () => {
      setPanel('chat');
      chatInput.current?.focus();
      // On a phone it is only shown by then.
      requestAnimationFrame(() => chatInput.current?.focus());
    },
    mute: () => changeSettings({ muted: !settingsNow().muted }),
    fullScreen: () => fullScreen(),
    help: () => setDialog('help'),
    scores: setLarge,
    enterPanels: () => [...(main.current?.querySelectorAll<HTMLElement>('.game-bar button, .game-bar a') ?? [])].find((button) => button.offsetParent !== null)?.focus(),
    modal: () => document.querySelector('dialog[open]') !== null,
  });
  const rename = (name: string): void => {
    session.rename(name.trim());
    saveName(name.trim());
  };
  const backToArena = (): void => {
    chatInput.current?.blur();
    setPanel(null);
  };
  return (
    <main
      ref={main}
      id="content"
      class={`game${touch ? ' touch' : ''}${watch ? ' watching' : ''}`}
      tabIndex={-1}
      onPointerDown={({ pointerType }) => setTouch(pointerType === 'touch')}
      onClick={(event) => {
        // A button that was clicked must not be pressed again by the next shot.
        const button = event.detail > 0 && event.target instanceof Element && event.target.closest('button');
        if (button && button === document.activeElement && !button.closest('dialog')) button.blur();
      }}
    >
      <header class="game-bar">
        <h1>{session.welcome?.settingsName ?? 'Game'}</h1>
        {watch && <span class="tag">watching</span>}
        {round && <RoundClock round={round} />}
        <div class="buttons">
          <BarButton name="Scores" icon="scores" narrow pressed={panel === 'scores'} press={() => setPanel(panel === 'scores' ? null : 'scores')} />
          <BarButton name={unread ? 'Chat, something new' : 'Chat'} icon="chat" narrow pressed={panel === 'chat'} dot={unread} press={() => setPanel(panel === 'chat' ? null : 'chat')} />
          <BarButton name={settings.muted ? 'Sound on' : 'Sound off'} icon={settings.muted ? 'muted' : 'sound'} wide press={() => changeSettings({ muted: !settings.muted })} />
          <BarButton name="Share the link" icon="share" press={() => void share(game, (text) => play.toast(text))} />
          <BarButton name="Settings" icon="settings" press={() => setDialog('settings')} />
          <BarButton name="Help" icon="help" wide press={() => setDialog('help')} />
          <BarButton name="Full screen" icon="full" wide press={() => fullScreen()} />
          {watch ? (
            <a class="button primary small" href={gameHref(game)}>
              Play
            </a>
          ) : (
            <BarButton
              name="Leave the game"
              icon="leave"
              press={() => {
                session.leave();
                location.hash = '#';
              }}
            />
          )}
        </div>
      </header>
      <section class="stage" aria-label="Arena">
        <Arena play={play} />
        {touch && !watch && self && <TouchPad controls={play.controls} launchable={play.launchable} leftHanded={settings.leftHanded} />}
        <Toasts play={play} />
        {round && <RoundOver round={round} standings={standings} feed={feed} />}
        <Launcher play={play} touch={touch} />
        <Notice play={play} game={game} again={again} now={now} />
        {large && (
          <section class="large-scores" aria-label="Score board">
            <h2>{session.welcome?.settingsName}</h2>
            <Scores standings={standings} />
          </section>
        )}
      </section>
      <aside class="side" data-panel={panel ?? undefined} aria-label="Players and chat">
        <div class="scroll">
          <Scores standings={standings} rename={watch ? undefined : rename} />
        </div>
        <Feed feed={feed} tick={view?.tick ?? 0} />
        <Chat lines={chat} say={watch || !self ? null : (text) => session.say(text)} input={chatInput} leave={backToArena} />
      </aside>
      <StateLine play={play} now={now} />
      {dialog === 'settings' && <SettingsPanel settings={settings} name={self?.name ?? null} rename={rename} close={() => setDialog(null)} />}
      {dialog === 'help' && <Help close={() => setDialog(null)} />}
    </main>
  );
}

interface BarButtonProps {
  readonly name: string;
  readonly icon: Parameters<typeof Icon>[0]['of'];
  readonly press: () => void;
  /** Only where there is little room, because what it opens is in view otherwise. */
  readonly narrow?: boolean;
  /** Only where there is room. */
  readonly wide?: boolean;
  readonly pressed?: boolean;
  readonly dot?: boolean;
}

function BarButton({ name, icon, press, narrow, wide, pressed, dot }: BarButtonProps) {
  return (
    <button type="button" class={`icon-button${narrow ? ' narrow' : ''}${wide ? ' roomy' : ''}`} aria-label={name} title={name} aria-expanded={narrow ? pressed : undefined} onClick={press}>
      <Icon of={icon} />
      {dot && <i class="dot" />}
    </button>
  );
}

function roundOf({ round: { number, resting, ends }, tick }: View): SceneRound {
  return { number, resting, left: ends === 0 ? null : Math.max(0, ends - tick) / TICKS_PER_SECOND };
}

/** Has something been said since the chat was last in view? `tick`: of the newest line; null before there is a game. */
function useUnread(tick: number | null, inView: boolean): boolean {
  const [read, setRead] = useState<number | null>(null);
  useEffect(() => {
    // What was said before this visit is not news.
    if (tick !== null && (inView || read === null)) setRead(tick);
  }, [tick, inView, read]);
  return !inView && tick !== null && read !== null && tick > read;
}

/** Sound may begin with the first gesture, and again after a pause with any. */
function useGestures(play: Play): void {
  useEffect(() => {
    const unlock = () => play.sound.unlock();
    addEventListener('pointerdown', unlock);
    addEventListener('keydown', unlock);
    return () => {
      removeEventListener('pointerdown', unlock);
      removeEventListener('keydown', unlock);
    };
  }, [play]);
}

function useCommands(play: Play, commands: Commands): void {
  const latest = useRef(commands);
  latest.current = commands;
  useEffect(() => {
    const now = (): Commands => latest.current;
    return listenKeyboard(play.controls, {
      chat: () => now().chat(),
      mute: () => now().mute(),
      fullScreen: () => now().fullScreen(),
      help: () => now().help(),
      scores: (shown) => now().scores(shown),
      enterPanels: () => now().enterPanels(),
      modal: () => now().modal(),
    });
  }, [play]);
}

function fullScreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  // Not every browser allows it, and some not every page.
  else document.documentElement.requestFullscreen?.().catch(() => {});
}

async function share(game: Hex64, say: (text: string) => void): Promise<void> {
  const url = shareLink(game);
  try {
    if (navigator.share) {
      await navigator.share({ title: 'Tanx', text: 'Join this game of Tanx', url });
      return;
    }
    // Without https there is no clipboard to ask for.
    if (navigator.clipboard) await navigator.clipboard.writeText(url);
    else if (!copied(url)) throw new Error('not copied');
    say('Link copied');
  } catch (failure) {
    // Changing one's mind is no failure.
    if (failure instanceof DOMException && failure.name === 'AbortError') return;
    say(`Copy the link: ${url}`);
  }
}

/** The older way to the clipboard. */
function copied(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  return done;
}
