//! Checks mazes for their designers: `cargo run -p sim --example check_maze FILE...`

#[path = "../tests/ground/mod.rs"]
mod ground;

use ground::survey;
use sim::Maze;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut found = false;
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("name the files of the mazes: check_maze FILE...");
        return ExitCode::FAILURE;
    }
    for file in files {
        let complaints = check(&file);
        for complaint in &complaints {
            println!("{file}: {complaint}");
        }
        found |= !complaints.is_empty();
    }
    if found { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What is wrong with the maze in a file.
fn check(file: &str) -> Vec<String> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return vec![error.to_string()],
    };
    let maze = match Maze::parse(&text) {
        Ok(maze) => maze,
        Err(error) => return vec![error.to_string()],
    };
    let ground = survey(&maze);
    println!(
        "{file}: {}, {} sides, {} entry points, a tank can be in {:.0} % of the arena",
        maze.name(),
        maze.segments().len(),
        maze.entries().len(),
        100.0 * ground.drivable
    );
    let mut complaints = Vec::new();
    for name in &ground.cut_off {
        complaints
            .push(format!("no tank gets from the first entry point to \"{name}\"; open a way of 1.6 u"));
    }
    for (x, y) in &ground.shut {
        complaints.push(format!(
            "around {x:.1},{y:.1} it looks open, but no tank gets there; open it, or fill it with a wall"
        ));
    }
    for (x, y) in &ground.narrow {
        complaints.push(format!("the ways to {x:.1},{y:.1} are narrower than 1.6 u; widen one"));
    }
    if ground.drivable < 0.55 {
        complaints.push("less than 55 % of the arena is left for tanks; take some walls away".into());
    }
    complaints
}
