//! Files of weights that are none, and pickles that want to be programs.

use super::table::Table;
use crate::common::archive;
use walkback::weights::{self, WeightsFileError};

fn read(file: &[u8]) -> Result<(), WeightsFileError> {
    weights::read(vec![file.to_vec()]).map(|_| ())
}

/// A file of PyTorch's with this pickle, and a storage 0 of four float32 values.
fn with(pickle: &[u8]) -> Vec<u8> {
    archive(&[
        ("m/data.pkl", pickle),
        ("m/data/0", &[0; 16]),
        ("m/byteorder", b"little"),
    ])
}

fn text(text: &str) -> Vec<u8> {
    [
        b"X",
        &(text.len() as u32).to_le_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

fn int(n: i64) -> Vec<u8> {
    [b"\x8a\x08", &n.to_le_bytes()[..]].concat()
}

/// `{"w": a tensor}` with this offset, these sides and strides, of a storage that says it has so many elements.
fn tensor(length: i64, offset: i64, sides: &[i64], strides: &[i64]) -> Vec<u8> {
    let tuple = |items: &[i64]| {
        let items: Vec<u8> = items.iter().flat_map(|n| int(*n)).collect();
        [b"(", &items[..], b"t"].concat()
    };
    let storage = [
        &text("storage")[..],
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &int(length),
    ];
    let pickle = [
        &b"\x80\x02}"[..],
        &text("w"),
        b"ctorch._utils\n_rebuild_tensor_v2\n(",
        b"(",
        &storage.concat(),
        b"tQ",
        &int(offset),
        &tuple(sides),
        &tuple(strides),
        b"\x89}tRs.",
    ];
    with(&pickle.concat())
}

#[test]
fn what_is_no_file_of_weights_is_called_what_it_is() {
    let mut table = Table::default();
    for (case, file, expected) in [
        (
            "nothing",
            &b""[..],
            "the weights file is empty; copy or download it again",
        ),
        (
            "a pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "this is a Git LFS pointer, not the weights; run `git lfs pull` in the clone, or download the file",
        ),
        (
            "a web page",
            b"\n<!DOCTYPE html><html><title>Sign in",
            "this is a web page, not a weights file: a server sent it instead. Download the file again, from an address with /resolve/ instead of /blob/",
        ),
        (
            "an archive of something else",
            &archive(&[("cat.png", b"meow")]),
            "the weights cannot be read: the archive has no data.pkl, so it is not PyTorch's. They must be a whole safetensors or PyTorch file",
        ),
        (
            "half an archive",
            &archive(&[("m/data.pkl", b"}.")])[..30],
            "the weights cannot be read: the archive is cut short. They must be a whole safetensors or PyTorch file",
        ),
        (
            "an empty dict",
            &with(b"\x80\x02}."),
            "the weights have no state dict: there are no tensors by name in it. Save model.state_dict() or, better, use the model's save_pretrained",
        ),
    ] {
        table.holds(case, read(file), expected);
    }
    table.end(6);
}

#[test]
fn pickles_that_want_to_be_programs_are_refused_by_what_they_ask_for() {
    let refused = |what: &str| {
        format!(
            "the weights use {what}, which no state dict needs, so they are rejected. In Python a file like this can run any program. Load it there only if you trust it, and save model.state_dict() as safetensors"
        )
    };
    let mut table = Table::default();
    for (case, pickle, what) in [
        (
            "a shell",
            &b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."[..],
            "os.system",
        ),
        (
            "a shell by another name",
            b"\x80\x02cposix\nsystem\n.",
            "posix.system",
        ),
        (
            "an expression",
            b"\x80\x02cbuiltins\neval\n.",
            "builtins.eval",
        ),
        (
            "a name in two texts",
            b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
            "os.system",
        ),
        (
            "another loader",
            b"\x80\x02ctorch.storage\n_load_from_bytes\n.",
            "torch.storage._load_from_bytes",
        ),
        (
            "an attribute",
            b"\x80\x02c__builtin__\ngetattr\n.",
            "__builtin__.getattr",
        ),
        (
            "an object",
            b"\x80\x02ccollections\nOrderedDict\n)\x81.",
            "an object of a class (NEWOBJ)",
        ),
        (
            "an old object",
            b"\x80\x02(ios\nsystem\n.",
            "an object of a class (INST)",
        ),
        ("an extension", b"\x80\x02\x82\x01.", "an extension (EXT)"),
        (
            "a set",
            b"\x80\x04\x8f.",
            "the instruction 0x8f of a pickle",
        ),
        (
            "a name that is no name",
            b"\x80\x02c\x1b[2J\nx\n.",
            "\"\\u{1b}[2J.x\"",
        ),
    ] {
        table.holds(case, read(&with(pickle)), &refused(what));
        // The format before archives has the same pickle after three others.
        let head = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";
        let legacy = [&head[..], pickle].concat();
        table.holds(&format!("{case}, legacy"), read(&legacy), &refused(what));
    }
    table.end(22);
}

#[test]
fn pickles_that_are_damaged_or_far_too_large_are_refused() {
    let damaged = |what: &str| {
        format!(
            "the weights cannot be read: {what}. They must be a whole safetensors or PyTorch file"
        )
    };
    let beyond = "w extends beyond its values in the file; the weights are damaged";
    let huge =
        "the tensors of the weights are far larger than the file; it is damaged or malicious";
    let mut table = Table::default();
    // A call of what a call returned, and of a number.
    for (case, pickle, what) in [
        (
            "a call of a call",
            &b"\x80\x02ccollections\nOrderedDict\n)R)R."[..],
            "its pickle is damaged",
        ),
        (
            "a call of a number",
            b"\x80\x02K\x01)R.",
            "its pickle is damaged",
        ),
        ("no end", b"\x80\x02}", "its pickle is cut short"),
        (
            "a text longer than all",
            b"\x80\x02X\xff\xff\xff\x7f",
            "its pickle is cut short",
        ),
        (
            "a number of 255 bytes",
            b"\x80\x02\x8a\xff.",
            "its pickle is damaged",
        ),
        (
            "a place that nothing was kept at",
            b"\x80\x02h\x05.",
            "its pickle is damaged",
        ),
        (
            "a place far away",
            b"\x80\x02}r\xff\xff\xff\x7f.",
            "its pickle is damaged",
        ),
        ("nothing left", b"\x80\x02.", "its pickle is damaged"),
        ("half a pair", b"\x80\x02}(K\x01u.", "its pickle is damaged"),
    ] {
        table.holds(case, read(&with(pickle)), &damaged(what));
    }
    let deep = [vec![b')'], vec![0x85; 100_000], vec![b'.']].concat();
    let none = "the weights have no state dict: there are no tensors by name in it. Save model.state_dict() or, better, use the model's save_pretrained";
    table.holds("tuples in tuples", read(&with(&deep)), none);
    let many = [vec![b'}'; 600_000], vec![b'.']].concat();
    table.holds(
        "more values than any model has",
        read(&with(&many)),
        &damaged("its pickle has more values than any state dict"),
    );
    for (case, file, expected) in [
        (
            "a storage shorter than it says",
            tensor(5, 0, &[1], &[1]),
            beyond,
        ),
        ("an offset beyond", tensor(4, 4, &[1], &[1]), beyond),
        ("an end beyond", tensor(4, 1, &[2, 2], &[2, 1]), beyond),
        ("a stride beyond", tensor(4, 0, &[2], &[4]), beyond),
        (
            "a stride that overflows",
            tensor(4, 0, &[3], &[i64::MAX]),
            beyond,
        ),
        (
            "sides that overflow",
            tensor(4, 0, &[i64::MAX, 3], &[0, 0]),
            beyond,
        ),
        (
            "one value a trillion times",
            tensor(4, 0, &[1 << 40], &[0]),
            huge,
        ),
    ] {
        table.holds(case, read(&file), expected);
    }
    table.holds(
        "a negative side",
        read(&tensor(4, 0, &[-1], &[1])),
        &damaged("its pickle is damaged"),
    );
    assert_eq!(read(&tensor(4, 0, &[2, 2], &[2, 1])), Ok(()));
    table.end(19);
}
