//! A training run as a user makes it, small: it starts, stops, goes on, and ends in weights.
#![cfg(feature = "train")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use burn::module::Module;
use impasto::kernels::channel_statistics;
use impasto::network::discriminator::Discriminator;
use impasto::network::vgg::VggConfig;
use impasto::procedural;
use impasto::train::answers::Answers;
use impasto::train::dataset::{Dataset, Folder, Skipped};
use impasto::train::{Losses, Outcome, Start, TrainConfig, TrainError, Trainer};
use impasto::{DEFAULT_WEIGHTS, Format, Picture, Stylizer, device, weights};

const SETTINGS: &str = "
    steps = 6
    distillation_steps = 2
    batch = 1
    crop = 64
    style_sides = [64, 96]
    reuse = 2
    large_every = 0
    paired_every = 2
    procedural = 0.5
    checkpoint_every = 100
    sheet_every = 100
    [loss]
    total_variation = 0.1
    adversarial_from = 1
    adversarial_every = 1
    identity_every = 2
";

/// Held by tests that draw random weights: the device's generator is one for the whole process.
static GENERATOR: Mutex<()> = Mutex::new(());

/// Two folders of pictures, among them some that cannot be used.
fn folders(folder: &Path, skipped: &Skipped) -> (Folder, Folder) {
    let [content, style] = ["content", "style"].map(|name| {
        let folder = folder.join(name);
        fs::create_dir_all(folder.join("deeper")).unwrap();
        let save = |name: &str, picture: &Picture| {
            fs::write(folder.join(name), picture.encode(Format::Png).unwrap()).unwrap();
        };
        save("a.png", &procedural::random(90, 70, 1));
        save("deeper/b.png", &procedural::random(66, 100, 2));
        save("tiny.png", &procedural::random(20, 20, 3));
        fs::write(folder.join("broken.jpg"), b"not a picture").unwrap();
        fs::write(folder.join("._a.png"), b"what another system knows of a picture").unwrap();
        fs::write(folder.join("notes.txt"), b"not meant as a picture").unwrap();
        Folder::load(&folder, |path, reason| skipped.add(path, reason), |_, _| {}).unwrap()
    });
    assert_eq!((content.len(), style.len()), (2, 2));
    assert_eq!(style.families().collect::<Vec<_>>(), [("", 1), ("deeper", 1)]);
    (content, style)
}

fn pictures(folder: &Path) -> (Dataset, Vec<String>) {
    let skipped = Skipped::default();
    let (content, style) = folders(folder, &skipped);
    let config = TrainConfig::from_toml(SETTINGS).unwrap();
    (Dataset::new(content, style, None, &config).unwrap(), skipped.lines())
}

/// A loss network with random weights: what the losses measure does not matter here.
fn loss_network() -> Vec<u8> {
    let cpu = device::cpu();
    cpu.seed(1);
    let network = VggConfig::full().init(&cpu);
    weights::serialize(&weights::tensors_of("", &network), &weights::Metadata::new()).unwrap()
}

/// Trains until the step and gives the exported weights.
fn train(pictures_in: &Path, out: &Path, vgg: &[u8], until: usize, start: Start) -> Vec<u8> {
    let config = TrainConfig::from_toml(SETTINGS).unwrap();
    let (dataset, _) = pictures(pictures_in);
    let cpu = device::cpu();
    let mut trainer = Trainer::new(config, dataset, out, vgg, false, &[cpu], start).unwrap();
    let stop = AtomicBool::new(false);
    let outcome = trainer.run(&stop, |step, losses| {
        assert!(losses.values().all(|loss| loss.is_finite()), "step {step}: {losses:?}");
        stop.store(step == until, Ordering::Relaxed);
    });
    match outcome.unwrap() {
        Outcome::Finished { psnr } => assert!(until == 6 && psnr > 20.0, "{psnr} dB"),
        Outcome::Interrupted => assert!(until < 6 && trainer.step() == until),
    }
    fs::read(out.join("impasto.safetensors")).unwrap()
}

#[test]
fn an_interrupted_run_goes_on_exactly() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let [pictures_in, straight, interrupted] =
        ["pictures", "straight", "interrupted"].map(|name| folder.path().join(name));
    let vgg = loss_network();

    let expected = train(&pictures_in, &straight, &vgg, 6, Start::New);
    train(&pictures_in, &interrupted, &vgg, 1, Start::New);
    train(&pictures_in, &interrupted, &vgg, 4, Start::Resume);
    let found = train(&pictures_in, &interrupted, &vgg, 6, Start::Resume);
    let tensors = |bytes: &[u8]| weights::deserialize(bytes).unwrap().0;
    assert_eq!(tensors(&found), tensors(&expected));

    // The weights work, and paint what they were asked to.
    let stylizer = Stylizer::load(&found, &device::cpu()).unwrap();
    assert_eq!(stylizer.metadata()["steps"], "6");
    let photo = procedural::random(40, 30, 7);
    let (content, style) = (stylizer.encode_content(&photo), stylizer.encode_style(&photo));
    let painting = pollster::block_on(stylizer.stylize(&content, &[(&style, 1.0)], 1.0)).unwrap();
    assert_eq!((painting.width(), painting.height()), (40, 30));

    // What the first residual blocks add counts beside features of this size, at every level.
    let encoder = VggConfig::slim().init(&device::cpu());
    let encoder = weights::load("encoder", encoder, &mut tensors(&found)).unwrap();
    let seen = [procedural::random(90, 70, 1), procedural::random(66, 100, 2)].map(|style| {
        // Sides inside the networks are multiples of 8.
        let (width, height) = (style.width() / 8 * 8, style.height() / 8 * 8);
        let lines = style.rgb().chunks_exact(3 * style.width() as usize).take(height as usize);
        let rgb = lines.flat_map(|line| line[..3 * width as usize].to_vec()).collect();
        let part = Picture::new(width, height, rgb).unwrap();
        encoder
            .forward(part.to_tensor(&device::cpu()))
            .levels()
            .map(|level| channel_statistics(level).1.mean().into_scalar::<f32>())
    });
    for level in 0..4 {
        let mean = seen.iter().map(|levels| levels[level]).sum::<f32>() / 2.0;
        assert!((mean - 1.0).abs() < 0.05, "level {level}: {seen:?}");
    }

    // One row a step, no row twice, with every loss in the columns it has.
    let table = |folder: &Path| fs::read_to_string(folder.join("losses.csv")).unwrap();
    let without_seconds = |table: String| -> Vec<Vec<String>> {
        let cells = |line: &str| line.split(',').map(str::to_string).collect::<Vec<_>>();
        table.lines().map(cells).map(|mut row| (row.remove(1), row).1).collect()
    };
    assert_eq!(without_seconds(table(&interrupted)), without_seconds(table(&straight)));
    assert_eq!(table(&straight).lines().count(), 7);
    assert!(straight.join("sheet-0000006.png").is_file());
    let kept = fs::read(interrupted.join("weights-0000006.safetensors")).unwrap();
    assert_eq!(tensors(&kept), tensors(&found));
    assert!(interrupted.join("weights-0000004.safetensors").is_file());
    let settings = fs::read_to_string(straight.join("config.toml")).unwrap();
    assert_eq!(
        TrainConfig::from_toml(&settings).unwrap(),
        TrainConfig::from_toml(SETTINGS).unwrap()
    );

    // Another run may start from these weights, or from the encoder alone.
    let from = |bytes: &[u8], name: &str| {
        let config = TrainConfig { seed: 9, ..TrainConfig::from_toml(SETTINGS).unwrap() };
        let (dataset, _) = pictures(&pictures_in);
        let (cpu, out) = (device::cpu(), folder.path().join(name));
        let mut trainer =
            Trainer::new(config, dataset, &out, &vgg, false, &[cpu], Start::New).unwrap();
        let missing = trainer.start_from(bytes).unwrap();
        trainer.run(&AtomicBool::new(true), |_, _| {}).unwrap();
        (missing, tensors(&fs::read(out.join("impasto.safetensors")).unwrap()))
    };
    assert_eq!(from(&found, "further"), (vec![], tensors(&found)));
    let further = fs::read(folder.path().join("further/impasto.safetensors")).unwrap();
    assert_eq!(weights::deserialize(&further).unwrap().1["steps"], "6", "steps add up");
    let mut encoder = tensors(&found);
    encoder.retain(|tensor| tensor.name.starts_with("encoder."));
    let bytes = weights::serialize(&encoder, &weights::Metadata::new()).unwrap();
    let (missing, started) = from(&bytes, "encoder only");
    assert_eq!(missing.len(), started.len() - encoder.len());
    assert!(missing.iter().all(|name| name.starts_with("generator.")), "{missing:?}");
    assert!(encoder.iter().all(|tensor| started.contains(tensor)));
    assert_ne!(started, tensors(&found));

    // A run goes on under its own settings, with its own pictures, unless that is meant.
    let resumed = |change: &dyn Fn(&mut TrainConfig), swap: bool, start: Start| {
        let mut config = TrainConfig::from_toml(SETTINGS).unwrap();
        change(&mut config);
        let (content, style) = folders(&pictures_in, &Skipped::default());
        fs::copy(pictures_in.join("style/a.png"), pictures_in.join("more.png")).unwrap();
        let style = match swap {
            true => Folder::load(&pictures_in, |_, _| {}, |_, _| {}).unwrap(),
            false => style,
        };
        let dataset = Dataset::new(content, style, None, &config).unwrap();
        let cpu = device::cpu();
        Trainer::new(config, dataset, &straight, &vgg, false, &[cpu], start).err()
    };
    let message = |error: Option<TrainError>| error.expect("refused").to_string();
    let batch = |config: &mut TrainConfig| (config.batch, config.loss.content) = (2, 1.5);
    let refused = message(resumed(&batch, false, Start::Resume));
    assert!(refused.contains("batch was 1 and is 2; loss.content was 1.0 and is 1.5"), "{refused}");
    let refused = message(resumed(&|_| {}, true, Start::Resume));
    assert!(refused.contains("the pictures in the folders"), "{refused}");
    assert!(resumed(&|config| config.steps = 9, false, Start::Resume).is_none());
    assert!(resumed(&batch, true, Start::ResumeChanged).is_none());
    // Those tried last are written down.
    fs::write(straight.join("config.toml"), settings).unwrap();

    // Weights of something else are no start.
    let foreign = weights::serialize(
        &[weights::NamedTensor { name: "a".into(), shape: vec![1], values: vec![1.0] }],
        &weights::Metadata::new(),
    );
    let (dataset, _) = pictures(&pictures_in);
    let (cpu, out) = (device::cpu(), folder.path().join("foreign"));
    let config = TrainConfig::from_toml(SETTINGS).unwrap();
    let mut trainer = Trainer::new(config, dataset, &out, &vgg, false, &[cpu], Start::New).unwrap();
    assert!(
        trainer.start_from(&foreign.unwrap()).unwrap_err().to_string().contains("every tensor")
    );

    // A run is not started over by accident.
    let config = TrainConfig::from_toml(SETTINGS).unwrap();
    let (dataset, skipped) = pictures(&pictures_in);
    let again = Trainer::new(config, dataset, &straight, &vgg, false, &[device::cpu()], Start::New);
    assert!(
        matches!(again.err(), Some(TrainError::File { reason, .. }) if reason.contains("--resume"))
    );
    assert_eq!(skipped.len(), 4, "{skipped:?}");
}

#[test]
fn a_discriminator_that_judges_well_waits() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let vgg = loss_network();
    for (floor, learns) in [(0.0, true), (100.0, false)] {
        let out = folder.path().join(format!("floor {floor}"));
        let mut config = TrainConfig::from_toml(SETTINGS).unwrap();
        config.checkpoint_every = 1;
        config.optimizer.discriminator_floor = floor;
        let (dataset, _) = pictures(&folder.path().join("pictures"));
        let cpu = device::cpu();
        let mut trainer =
            Trainer::new(config, dataset, &out, &vgg, false, &[cpu], Start::New).unwrap();
        trainer
            .run(&AtomicBool::new(false), |step, losses| {
                assert_eq!(losses.contains_key("discriminator"), step > 3, "step {step}");
            })
            .unwrap();
        let tensors = |step: usize| {
            let file = out.join(format!("checkpoint-{step:07}/discriminator"));
            let network = Discriminator::new(&device::cpu()).try_load_file(file).unwrap();
            weights::tensors_of("", &network)
        };
        assert_eq!(tensors(5) != tensors(6), learns, "floor {floor}");
    }
}

#[test]
fn two_devices_learn_what_one_learns() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let vgg = loss_network();
    let run = |name: &str, devices: usize| {
        let mut config = TrainConfig::from_toml(SETTINGS).unwrap();
        (config.batch, config.steps, config.loss.stability) = (3, 4, 0.0);
        let (content, style) = folders(&folder.path().join("pictures"), &Skipped::default());
        let dataset = Dataset::new(content, style, None, &config).unwrap();
        let (devices, out) = (vec![device::cpu(); devices], folder.path().join(name));
        let mut trainer =
            Trainer::new(config, dataset, &out, &vgg, false, &devices, Start::New).unwrap();
        // Of the last step, in which both networks are trained.
        let mut last = Losses::new();
        trainer.run(&AtomicBool::new(false), |_, losses| last.clone_from(losses)).unwrap();
        last
    };
    let (one, two) = (run("one", 1), run("two", 2));
    assert!(one.keys().eq(two.keys()) && one.contains_key("discriminator"), "{one:?} {two:?}");
    for (name, expected) in one {
        let found = two[name];
        // Sums of another order differ by little; squares of small differences make more of it.
        let tolerance = if name == "grid" { 1e-2 } else { 2e-3 };
        let near = (found - expected).abs() <= tolerance * expected.abs();
        assert!(near, "{name}: {found} {expected}");
    }

    let config = TrainConfig::from_toml(SETTINGS).unwrap();
    let (content, style) = folders(&folder.path().join("pictures"), &Skipped::default());
    let (dataset, out) =
        (Dataset::new(content, style, None, &config).unwrap(), folder.path().join("three"));
    let devices = vec![device::cpu(); 2];
    let refused = Trainer::new(config, dataset, &out, &vgg, false, &devices, Start::New);
    let message = refused.err().expect("one picture cannot be shared").to_string();
    assert!(message.contains("a batch of 1 for 2 devices"), "{message}");
}

/// From the weights that come with the program, and without a discriminator, which would begin otherwise.
#[cfg(feature = "gpu")]
#[test]
fn a_gpu_learns_what_the_cpu_learns() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let gpu = match pollster::block_on(device::gpu()) {
        Ok(gpu) => gpu,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let vgg = loss_network();
    let run = |name: &str, device| {
        let mut config = TrainConfig::from_toml(SETTINGS).unwrap();
        (config.distillation_steps, config.steps, config.loss.adversarial) = (0, 3, 0.0);
        let (content, style) = folders(&folder.path().join("pictures"), &Skipped::default());
        let dataset = Dataset::new(content, style, None, &config).unwrap();
        let out = folder.path().join(name);
        let mut trainer =
            Trainer::new(config, dataset, &out, &vgg, false, &[device], Start::New).unwrap();
        trainer.start_from(DEFAULT_WEIGHTS).unwrap();
        let mut all = Vec::new();
        trainer.run(&AtomicBool::new(false), |_, losses| all.push(losses.clone())).unwrap();
        all
    };
    let (on_cpu, on_gpu) = (run("cpu", device::cpu()), run("gpu", gpu));
    assert_eq!(on_cpu.len(), 3);
    for (step, (expected, found)) in on_cpu.iter().zip(&on_gpu).enumerate() {
        assert!(expected.keys().eq(found.keys()), "{expected:?} {found:?}");
        for (name, expected) in expected {
            let found = found[name];
            // What has been learned differs where gradients are nearly 0, which Adam makes steps of all the same.
            let tolerance = if step == 0 { 2e-3 } else { 5e-2 };
            let near = (found - expected).abs() <= tolerance * expected.abs();
            assert!(near, "step {step}, {name}: {found} {expected}");
        }
    }
}

#[test]
fn a_run_learns_from_the_answers_of_another_network() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let vgg = loss_network();
    let mut config = TrainConfig::from_toml(SETTINGS).unwrap();
    (config.answers_every, config.paired_every, config.large_every) = (1, 0, 0);
    fs::create_dir(at("answers")).unwrap();
    let (photo, answer) = (procedural::random(130, 110, 5), procedural::random(130, 110, 6));
    for (name, picture) in [("photo", photo), ("answer", answer)] {
        let bytes = picture.encode(Format::Png).unwrap();
        fs::write(at("answers").join(format!("{name}.png")), bytes).unwrap();
    }
    let table = "photo,style,answer\nphoto.png,../pictures/style/a.png,answer.png\n";
    fs::write(at("answers/pairs.csv"), table).unwrap();
    let answers = || Answers::load(&at("answers"), config.answer_side() as u32).unwrap();
    let dataset = |answers: Option<Answers>, config: &TrainConfig| {
        let (content, style) = folders(&at("pictures"), &Skipped::default());
        Dataset::new(content, style, answers, config)
    };
    let none = dataset(None, &config).unwrap_err().to_string();
    assert!(none.contains("there are no answers"), "{none}");
    let unused = TrainConfig { answers_every: 0, ..config.clone() };
    let unused = dataset(Some(answers()), &unused).unwrap_err().to_string();
    assert!(unused.contains("answers_every is 0"), "{unused}");

    let block = dataset(Some(answers()), &config).unwrap().block(config.distillation_steps, 0);
    assert!(block.sharp && block.answers.len() == block.contents.len());
    let side = config.answer_side();
    assert_eq!((block.contents[0].size, block.answers[0].size), ([side; 2], [side; 2]));
    let new = |start: Start| {
        let dataset = dataset(Some(answers()), &config).unwrap();
        let devices = [device::cpu()];
        Trainer::new(config.clone(), dataset, &at("out"), &vgg, false, &devices, start)
    };
    let mut last = Losses::new();
    let mut trainer = new(Start::New).unwrap();
    trainer.run(&AtomicBool::new(false), |_, losses| last.clone_from(losses)).unwrap();
    assert!(last["answer"] > 0.0 && last["answer"].is_finite(), "{last:?}");
    // Other answers are other pictures.
    fs::rename(at("answers/photo.png"), at("answers/other.png")).unwrap();
    fs::write(at("answers/pairs.csv"), table.replace("photo.png", "other.png")).unwrap();
    let refused = new(Start::Resume).err().expect("it is another table").to_string();
    assert!(refused.contains("the pictures in the folders"), "{refused}");
}

#[test]
fn folders_without_pictures_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let load = |path: &Path| Folder::load(path, |_, _| {}, |_, _| {}).unwrap_err();
    assert!(matches!(load(folder.path()), TrainError::NoPictures(_)));
    assert!(matches!(load(&folder.path().join("missing")), TrainError::File { .. }));
}

/// What stands in the folders of people: links in circles, pipes, files that are absurdly large.
#[cfg(unix)]
#[test]
fn odd_files_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("woodcut/more")).unwrap();
    fs::write(at("woodcut/a.png"), procedural::random(70, 70, 1).encode(Format::Png).unwrap())
        .unwrap();
    fs::copy(at("woodcut/a.png"), at("woodcut/more/b.png")).unwrap();
    std::os::unix::fs::symlink(folder.path(), at("woodcut/again")).unwrap();
    std::os::unix::fs::symlink(at("nowhere.png"), at("dangling.png")).unwrap();
    fs::File::create(at("sparse.jpg")).unwrap().set_len(6 << 30).unwrap();
    let made = std::process::Command::new("mkfifo").arg(at("pipe.png")).status().unwrap();
    assert!(made.success());
    let skipped = Skipped::default();
    let load = || Folder::load(folder.path(), |path, reason| skipped.add(path, reason), |_, _| {});
    let loaded = load().unwrap();
    assert_eq!(loaded.families().collect::<Vec<_>>(), [("woodcut", 2)]);
    let lines = skipped.lines();
    for (name, reason) in
        [("dangling", "No such file"), ("pipe", "not a file"), ("sparse", "64 MB")]
    {
        let named = lines.iter().any(|line| line.contains(name) && line.contains(reason));
        assert!(named, "{name}: {lines:?}");
    }
    assert_eq!(loaded.fingerprint(), load().unwrap().fingerprint());
    fs::remove_file(at("woodcut/more/b.png")).unwrap();
    assert_ne!(loaded.fingerprint(), load().unwrap().fingerprint());
}

#[test]
fn wrong_settings_are_named() {
    for (text, expected) in [
        ("stepz = 3", "stepz"),
        ("crop = 100", "crop must be a multiple of 16"),
        ("steps = 500", "steps must be more than distillation_steps"),
        ("style_sides = [384, 256]", "the smaller one first"),
        ("[families]\nwoodcut = -1.0", "must not be negative"),
        ("[loss]\nidentity_every = 0", "identity_every"),
        ("batch = -1", "batch"),
    ] {
        let message = TrainConfig::from_toml(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
