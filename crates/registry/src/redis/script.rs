//! The Lua scripts, one for each kind of change, and the commands that run them by their digest.

use redis::Cmd;
use std::sync::LazyLock;

/// One script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Rights,
    Join,
    Renew,
    Leave,
    Members,
    Publish,
    Note,
    Moves,
    IndexAdd,
    IndexPrune,
    Create,
    Claim,
    Assign,
    Grant,
    Store,
    Append,
    Fail,
    Release,
    End,
}

const MEMBER: &str = include_str!("member.lua");
const GAME: &str = include_str!("game.lua");
const READ: &str = include_str!("read.lua");

/// In the order of [`Script`]: what a script begins with, and its own part.
const SOURCES: [(Script, &str, &str); 19] = [
    (Script::Rights, "", include_str!("rights.lua")),
    (Script::Join, MEMBER, include_str!("join.lua")),
    (Script::Renew, MEMBER, include_str!("renew.lua")),
    (Script::Leave, MEMBER, include_str!("leave.lua")),
    (Script::Members, READ, include_str!("members.lua")),
    (Script::Publish, "", include_str!("publish.lua")),
    (Script::Note, "", include_str!("note.lua")),
    (Script::Moves, READ, include_str!("moves.lua")),
    (Script::IndexAdd, "", include_str!("index_add.lua")),
    (Script::IndexPrune, "", include_str!("index_prune.lua")),
    (Script::Create, GAME, include_str!("create.lua")),
    (Script::Claim, GAME, include_str!("claim.lua")),
    (Script::Assign, GAME, include_str!("assign.lua")),
    (Script::Grant, GAME, include_str!("grant.lua")),
    (Script::Store, GAME, include_str!("store.lua")),
    (Script::Append, GAME, include_str!("append.lua")),
    (Script::Fail, GAME, include_str!("fail.lua")),
    (Script::Release, GAME, include_str!("release.lua")),
    (Script::End, GAME, include_str!("end.lua")),
];

struct Source {
    script: Script,
    code: String,
    digest: String,
}

static LOADED: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let source = |(script, beginning, own): (Script, &str, &str)| {
        let code = format!("{beginning}{own}");
        let digest = redis::Script::new(&code).get_hash().to_owned();
        Source { script, code, digest }
    };
    SOURCES.into_iter().map(source).collect()
});

impl Script {
    /// All of them, to be loaded on each new connection.
    pub(super) fn all() -> impl Iterator<Item = Script> {
        LOADED.iter().map(|source| source.script)
    }

    /// Makes it known to the server.
    pub(super) fn load(self) -> Cmd {
        let mut cmd = redis::cmd("SCRIPT");
        cmd.arg("LOAD").arg(&LOADED[self as usize].code);
        cmd
    }

    /// Runs it; arguments are to be added.
    pub(super) fn run(self, keys: &[&str]) -> Cmd {
        let mut cmd = redis::cmd("EVALSHA");
        cmd.arg(&LOADED[self as usize].digest).arg(keys.len()).arg(keys);
        cmd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_scripts_do_is_tried_out_for_rights() {
        let tried = &LOADED[Script::Rights as usize].code;
        for source in LOADED.iter().filter(|source| source.script != Script::Rights) {
            for call in source.code.split("call('").skip(1) {
                let (command, _) = call.split_once('\'').unwrap();
                let script = source.script;
                assert!(tried.contains(&format!("try('{command}'")), "{script:?} uses {command}");
            }
        }
    }

    #[test]
    fn sources_stand_in_the_order_of_the_enum() {
        assert!(Script::all().enumerate().all(|(at, script)| at == script as usize));
    }
}
