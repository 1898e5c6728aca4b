//! Random games: logs drawn from a seed, so that a failing one can be played again.

use sim::{Entry, action, keys};

#[allow(dead_code, reason = "not each test plays in it")]
/// A crowded portrait arena, where shots meet tanks, walls and, here and there, the open.
pub const CROWD: &str = "name Crowd
arena 8 10
wall -4,-5 4,-5 4,-4.8 -4,-4.8 -4,-5
wall -4,4.8 4,4.8 4,5 -4,5 -4,4.8
wall -4,-4.8 -3.8,-4.8 -3.8,1.5 -4,1.5 -4,-4.8
wall 3.8,-1.5 4,-1.5 4,4.8 3.8,4.8 3.8,-1.5
wall -0.5,-0.5 0.7,-0.3 0,0.6 -0.5,-0.5
entry a 2.5,3.2 facing 225
entry b -2.5,3.2 facing 315
entry c -2.5,-3.2 facing 45
entry d 2.5,-3.2 facing 135
";

/// Numbers from a seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    /// One of 0 to `n` - 1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Draws the log entries of one game, tick by tick.
pub struct Play {
    random: Random,
    players: Vec<Hand>,
    /// Join and leave by chance, and send what no rule allows.
    unruly: bool,
}

/// What one player would send.
struct Hand {
    id: u64,
    session: u32,
    seq: u32,
    keys: u8,
}

impl Play {
    /// A game of `players` with ids from 1, all joined in the first tick. Every third is a bot.
    pub fn new(seed: u64, players: u64, unruly: bool) -> Play {
        let hand = |id| Hand { id, session: 1, seq: 0, keys: 0 };
        Play {
            random: Random(seed ^ 0x9e37_79b9_7f4a_7c15),
            players: (1..=players).map(hand).collect(),
            unruly,
        }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.random.below(n)
    }

    /// The log entry of tick `tick`.
    pub fn log(&mut self, tick: u64) -> Vec<Entry> {
        let mut log = Vec::new();
        for at in 0..self.players.len() {
            if tick == 1 || (self.unruly && self.below(40) == 0) {
                let player = self.players[at].id;
                log.push(Entry::Join {
                    player,
                    name: format!("player {player}"),
                    bot: player.is_multiple_of(3),
                });
            }
            // A press and a release, or several inputs, within a tick happen too.
            while self.below(5) == 0 {
                log.push(self.input(at));
            }
            self.talk(at, &mut log);
            if self.unruly {
                self.misbehave(at, &mut log);
            }
        }
        log
    }

    fn input(&mut self, at: usize) -> Entry {
        // Mostly forward, a turn now and then, often shooting: that is what fills walls and graveyards.
        let drive = [keys::FORWARD, keys::FORWARD, keys::FORWARD, keys::BACK, 0][self.below(5) as usize];
        let turn = [0, 0, keys::LEFT, keys::RIGHT][self.below(4) as usize];
        let fire = [0, keys::FIRE][self.below(2) as usize];
        let odd = if self.unruly && self.below(20) == 0 { self.below(256) as u8 } else { 0 };
        let action = match self.below(200) {
            0 => action::DESTRUCT,
            1..20 if self.unruly => self.below(256) as u8,
            _ => action::LAUNCH_ANY + self.below(5) as u8,
        };
        let stale = self.below(30) == 0;
        let hand = &mut self.players[at];
        hand.seq += 1;
        hand.keys = (drive | turn | fire) ^ odd;
        Entry::Input { player: hand.id, session: hand.session, seq: hand.seq, keys: hand.keys, action, stale }
    }

    fn talk(&mut self, at: usize, log: &mut Vec<Entry>) {
        let player = self.players[at].id;
        match self.below(400) {
            0 => log.push(Entry::Chat { player, text: "ä text ".repeat(self.below(30) as usize) }),
            1 => log.push(Entry::Rename { player, name: format!("name {}", self.below(3)) }),
            _ => {}
        }
    }

    fn misbehave(&mut self, at: usize, log: &mut Vec<Entry>) {
        match self.below(1_000) {
            0 => {
                let player = self.players[at].id;
                log.push(Entry::Leave { player });
                self.players[at].seq = 0;
            }
            1 => log.push(Entry::Gone { player: self.players[at].id, session: self.below(4) as u32 }),
            2 => self.players[at].session += 1,
            3 => {
                let seq = self.below(1 << 32) as u32;
                let player = self.players[at].id;
                log.push(Entry::Input { player, session: 1, seq, keys: 31, action: 2, stale: false });
            }
            4 => {
                log.push(Entry::Input { player: 999, session: 1, seq: 1, keys: 31, action: 2, stale: false })
            }
            5 => log.push(Entry::Chat { player: 999, text: "who?".into() }),
            6 => log.push(Entry::Rename { player: self.players[at].id, name: String::new() }),
            _ => {}
        }
    }
}
