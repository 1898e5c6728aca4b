//! The mazes that games can be created in: those that this build ships, and those of a folder.
//!
//! Owns their order and names. A game carries its maze with it: what is here matters only when one is created.

use protocol::peer::MAX_MAZE_BYTES;
use sim::Maze;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// One maze.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedMaze {
    /// Unique here.
    pub name: String,
    /// As its file has it.
    pub text: String,
}

/// See the module. The first one is taken where nobody chooses. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mazes(Arc<Vec<NamedMaze>>);

/// Why a folder's mazes cannot be used.
#[derive(Debug, Error)]
pub enum MazeFileError {
    /// The folder, or a file in it.
    #[error("cannot read {}: {error}; give --mazes a folder with *.maze files", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file that is no maze.
    #[error("{} is no maze: {error}", file.display())]
    NoMaze {
        /// Which.
        file: PathBuf,
        /// The line, and what to do.
        error: sim::MazeError,
    },
    /// A file that the others could not be told of.
    #[error("{} has {bytes} bytes; shorten it to at most {MAX_MAZE_BYTES}", file.display())]
    TooLong {
        /// Which.
        file: PathBuf,
        /// How many.
        bytes: usize,
    },
    /// A name that is taken.
    #[error("{} is named {name:?}, as another maze is: change its name line", file.display())]
    SecondOfName {
        /// Which.
        file: PathBuf,
        /// The name.
        name: String,
    },
}

impl Mazes {
    /// Those that this build ships, and behind them those of the folder, by file name.
    ///
    /// # Errors
    /// With the file, the line and what to do.
    pub fn load(folder: Option<&Path>) -> Result<Mazes, MazeFileError> {
        let mut mazes: Vec<NamedMaze> = sim::MAZES
            .iter()
            .map(|text| {
                let maze = Maze::parse(text).expect("a test of sim reads all mazes that it ships");
                NamedMaze { name: maze.name().to_owned(), text: (*text).to_owned() }
            })
            .collect();
        for file in folder.map(files).transpose()?.unwrap_or_default() {
            let maze = read(&file)?;
            if mazes.iter().any(|known| known.name == maze.name) {
                return Err(MazeFileError::SecondOfName { file, name: maze.name });
            }
            mazes.push(maze);
        }
        Ok(Mazes(Arc::new(mazes)))
    }

    /// All of them.
    pub fn list(&self) -> &[NamedMaze] {
        &self.0
    }

    /// The one of that name, or the first where none is named.
    pub fn find(&self, name: Option<&str>) -> Option<&NamedMaze> {
        match name {
            Some(name) => self.0.iter().find(|maze| maze.name == name),
            None => self.0.first(),
        }
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, MazeFileError> {
    let unreadable = |error| MazeFileError::Unreadable { file: folder.to_owned(), error };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|extension| extension == "maze") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<NamedMaze, MazeFileError> {
    let path = || file.to_owned();
    let text =
        std::fs::read_to_string(file).map_err(|error| MazeFileError::Unreadable { file: path(), error })?;
    let maze = Maze::parse(&text).map_err(|error| MazeFileError::NoMaze { file: path(), error })?;
    if text.len() > MAX_MAZE_BYTES {
        return Err(MazeFileError::TooLong { file: path(), bytes: text.len() });
    }
    Ok(NamedMaze { name: maze.name().to_owned(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name Small\narena 8 8\nentry a 2,2 facing 0\n";

    fn load(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file in it");
        }
        let mazes = Mazes::load(Some(folder.path())).map_err(|error| error.to_string())?;
        Ok(mazes.list()[sim::MAZES.len()..].iter().map(|maze| maze.name.clone()).collect())
    }

    #[test]
    fn mazes_of_a_folder_follow_the_shipped_ones_by_file_name() {
        let other = SMALL.replace("Small", "Other");
        let found = load(&[("b.maze", SMALL), ("a.maze", &other), ("notes.txt", "wall")]);
        assert_eq!(found, Ok(vec!["Other".to_owned(), "Small".to_owned()]));
        let mazes = Mazes::load(None).expect("the shipped ones");
        assert_eq!(mazes.find(None).map(|maze| &maze.text[..]), Some(sim::STANDARD_MAZE));
        assert_eq!(mazes.find(Some("Small")), None);
    }

    #[test]
    fn a_file_that_is_no_maze_and_a_second_one_of_a_name_are_refused_with_the_file() {
        let refusal =
            load(&[("bad.maze", "name Bad\nentry a 2,2 facing 0\nwall 1,2 oh\n")]).expect_err("no maze");
        assert!(refusal.contains("bad.maze is no maze: line 3: \"oh\""), "{refusal}");
        let refusal = load(&[("a.maze", SMALL), ("b.maze", SMALL)]).expect_err("twice");
        assert!(refusal.contains("b.maze is named \"Small\""), "{refusal}");
        let refusal = Mazes::load(Some(Path::new("/nowhere"))).expect_err("no folder").to_string();
        assert!(refusal.contains("cannot read /nowhere"), "{refusal}");
    }
}
