//! A game server's process is killed without a word.
//!
//! What goes wrong without the product: its games are gone. What repairs it: other members claim them and go on from
//! the newest snapshot; players come back with their tokens.

use super::{Done, Owners, Settings};
use anyhow::{Context, Result, ensure};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// Longest wait for the command that kills.
const KILLED_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn kill(settings: &Settings, owners: &Owners) -> Result<Done> {
    let (pod, games) = owners.by_pod.first().context("no pod owns a game")?;
    let doomed_members = (owners.games.iter())
        .filter_map(|game| game.owner.as_ref())
        .filter(|owner| owner.name == *pod)
        .map(|owner| owner.id.clone())
        .collect();
    let command = settings.kill_command.as_ref().context("a kill is not run without its command")?;
    let (program, arguments) = command.split_first().context("--kill-command is empty")?;
    let target = format!("{}/{pod}", settings.cluster.namespace);
    let kill = Command::new(program)
        .args(arguments)
        .args([&target, "gamed", "KILL"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let at = Instant::now();
    let output = timeout(KILLED_WITHIN, kill)
        .await
        .with_context(|| format!("{program} took longer than {KILLED_WITHIN:?}"))?
        .with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {target} gamed KILL: {}", said.trim());
    Ok(Done {
        what: format!("SIGKILL to gamed in pod {pod}, which owned {games} of {} games", owners.games.len()),
        at,
        doomed_pods: Vec::new(),
        doomed_members,
        image: None,
        steps: vec![("the killing command returned", Some(Instant::now()))],
    })
}
