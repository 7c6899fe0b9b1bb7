//! A damaged checkpoint is not trained on, and not exported: it is named, and the one before it is still there.

use super::run::{FILES, Run, folder};
use std::fs;

/// A way in which a file can be wrong.
type Damage = (&'static str, fn(&mut Vec<u8>));

const DAMAGES: [Damage; 3] = [
    ("cut short", |bytes| bytes.truncate(bytes.len() / 2)),
    ("empty", Vec::clear),
    ("one bit flipped", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
    }),
];

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_is_there() {
    let root = folder();
    let run = |name, steps| Run {
        root: root.path(),
        name,
        steps,
    };
    let (alone, damaged) = (run("alone", 10), run("damaged", 10));
    alone.finish();
    damaged.finish();
    let name = damaged.checkpoints().pop().unwrap();
    let prolonged = || {
        [
            damaged.resumed(),
            ["--steps", "12"].map(String::from).to_vec(),
        ]
        .concat()
    };
    let refused = |file: &str, how: &str| {
        let text = damaged.refusal(damaged.walkback(prolonged()));
        for part in [
            &format!("{name}/{file}: cannot be read ("),
            "Delete this checkpoint to resume from the one before it",
        ] {
            assert!(text.contains(part), "{how}: no `{part}` in: {text}");
        }
        text
    };
    for file in FILES {
        let path = damaged.checkpoint(&name).join(file);
        let bytes = fs::read(&path).unwrap();
        for (how, damage) in DAMAGES {
            let mut broken = bytes.clone();
            damage(&mut broken);
            fs::write(&path, broken).unwrap();
            let text = refused(file, how);
            assert!(text.contains("it was altered or damaged"), "{how}: {text}");
        }
        fs::remove_file(&path).unwrap();
        refused(file, "removed");
        fs::write(&path, &bytes).unwrap();
    }
    let state = damaged.checkpoint(&name).join("state.json");
    let text = fs::read_to_string(&state).unwrap();
    for (how, broken) in [
        ("empty", String::new()),
        ("another step", text.replace("\"step\": 10", "\"step\": 11")),
        (
            "a file left out",
            text.replace(FILES[2], "else.safetensors"),
        ),
        ("another sum", text.replace("\": \"", "\": \"0")),
    ] {
        assert_ne!(broken, text);
        fs::write(&state, broken).unwrap();
        let file = match how {
            "another sum" | "a file left out" => FILES[2],
            _ => "state.json",
        };
        refused(file, how);
    }
    let out = root.path().join("model");
    let text_of = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let run_folder = text_of(&damaged.folder());
    let args = ["export", "--run", &run_folder, "--out", &text_of(&out)];
    let args = args.map(String::from).to_vec();
    let text = damaged.refusal(damaged.walkback(args));
    assert!(
        text.contains("altered or damaged") && !out.exists(),
        "{text}"
    );

    // As the sentence says: the run goes on from the checkpoint before.
    fs::remove_dir_all(damaged.checkpoint(&name)).unwrap();
    damaged.finish();
    damaged.ended_like(&alone);
}
