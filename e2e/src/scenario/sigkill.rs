//! A game server's process is killed without a word.
//!
//! What goes wrong without the product: its games are gone. What repairs it: other members claim them and go on from
//! the newest snapshot; players come back with their tokens.

use super::{Done, Stage};
use crate::report::{Bars, Loss};
use anyhow::{Context, Result, ensure};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// Longest wait for the command that kills.
const KILLED_WITHIN: Duration = Duration::from_secs(20);

/// Back within seconds, with at most a second of play lost.
pub(super) const BARS: Bars = Bars { loss: Loss::Crash, exits: false, ..Bars::PLANNED };

pub(super) async fn kill(stage: &Stage<'_>) -> Result<Done> {
    let (settings, owners) = (stage.settings, &stage.owners);
    let (pod, games) = owners.busiest()?;
    let command = settings.kill_command.as_ref().context("a kill is not run without its command")?;
    let (program, arguments) = command.split_first().context("--kill-command is empty")?;
    let target = format!("{}/{pod}", settings.cluster.namespace);
    let kill = Command::new(program)
        .args(arguments)
        .args([&target, "gamed", "KILL"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let all = owners.games.len();
    let mut done = Done::new(
        format!("SIGKILL to gamed in pod {pod}, which owned {games} of {all} games"),
        Instant::now(),
    );
    let output = timeout(KILLED_WITHIN, kill)
        .await
        .with_context(|| format!("{program} took longer than {KILLED_WITHIN:?}"))?
        .with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {target} gamed KILL: {}", said.trim());
    done.step("the killing command returned");
    done.doomed_members = (owners.games.iter())
        .filter_map(|game| game.owner.as_ref())
        .filter(|owner| owner.name == pod)
        .map(|owner| owner.id.clone())
        .collect();
    Ok(done)
}
