//! `ereferral-sandbox`: the partner to try a point-of-service system against. It plays the SMART App that is launched, and the RMS that
//! receives referrals and sends notifications, on the same library. For invented data on this machine only; never shipped to clinics.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod certs;
mod http;
mod id_token;
mod letter;
mod rms;
mod serve;
mod smart_app;
mod web;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Fallible work in this program: the text says what failed, for the person at the terminal.
type Result<T> = std::result::Result<T, String>;

#[derive(Parser)]
#[command(name = "ereferral-sandbox", version, about = "A pretend RMS to try a point-of-service system against")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a throw-away certificate authority and server certificates, good for 30 days and for this machine only
    DevCerts {
        /// Where ca.pem, server.pem and server.key are written; made when missing
        folder: PathBuf,
        /// localhost, 127.0.0.1, ::1 or names ending in .test
        #[arg(default_values = ["localhost", "127.0.0.1"])]
        names: Vec<String>,
    },
    /// Prints free TCP ports of the loopback address, one per line
    FreePort {
        /// How many
        #[arg(default_value_t = 1)]
        count: u16,
    },
    /// Writes a one-page referral letter as PDF
    Letter {
        /// The file to write
        file: PathBuf,
        /// The lines of text
        #[arg(default_values = ["Referral letter", "Patient: Testpatient, Anna", "Please see this invented patient."])]
        lines: Vec<String>,
    },
    /// Runs the RMS and its SMART App; takes commands on standard input: send-notifications, referrals, quit
    Serve(serve::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::DevCerts { folder, names } => certs::write(&folder, &names),
        Command::FreePort { count } => free_ports(count),
        Command::Letter { file, lines } => {
            std::fs::write(&file, letter::pdf(&lines)).map_err(|error| format!("cannot write {}: {error}", file.display()))
        }
        Command::Serve(options) => serve::run(options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("ereferral-sandbox: {text}");
            ExitCode::FAILURE
        }
    }
}

/// All ports are held until the last one is known, so that they differ.
fn free_ports(count: u16) -> Result<()> {
    let held: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<std::io::Result<_>>()
        .map_err(|error| format!("cannot get a free port: {error}"))?;
    for listener in &held {
        println!("{}", listener.local_addr().map_err(|error| format!("cannot read a port: {error}"))?.port());
    }
    Ok(())
}
