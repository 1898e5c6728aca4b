//! The rules, one by one, with the numbers that players know.

mod blasts;
mod chat;
mod game;
mod items;
mod missiles;
mod players;
mod rounds;
mod snapshots;
mod tanks;
