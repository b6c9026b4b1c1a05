//! What a training run can be told, with defaults that worked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TrainError;

/// The settings of a training run, as in the TOML file given by `--config`. Everything has a
/// default; unknown names are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Steps in all, distillation included.
    pub steps: usize,
    /// The first N steps only distil the encoder, which is then frozen.
    pub distillation_steps: usize,
    /// Pictures a step.
    pub batch: usize,
    /// Side of the square crops of photos, in pixels; a multiple of 16.
    pub crop: usize,
    /// Between these is the long side of a style picture, in pixels.
    pub style_sides: [u32; 2],
    /// How strongly the colours of style pictures are changed, 0..1: their contrast by as much as 1.6, all colours by as much
    /// as 0.15; half of them have red, green and blue in another order, and a twentieth are inverted.
    pub style_colours: f64,
    /// This many steps see the same photos, and the same styles, each time in other pairs: what the
    /// loss network sees in them, half its work, is computed once. The square of it makes a block.
    pub reuse: usize,
    /// Every Nth block has crops half as large again, and half as many, so that large strokes are learned, too; 0
    /// disables.
    pub large_every: usize,
    /// Every Nth block has procedural styles and the right answers: the photos as the same program paints
    /// them. Its crops are a third larger, and half as many; 0 disables.
    pub paired_every: usize,
    /// Every Nth block has photos, styles and paintings of them from a table of answers (`--answers`). Its
    /// crops are a third larger, and half as many; 0 disables.
    pub answers_every: usize,
    /// Tensors that are trained, by what is in their names (`impasto info` lists them); all where this is
    /// empty.
    pub trained: Vec<String>,
    /// Everything random follows from it.
    pub seed: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// Steps between sample sheets.
    pub sheet_every: usize,
    /// Threads that cut out and augment crops.
    pub threads: usize,
    /// Share of styles that are procedural, 0..1.
    pub procedural: f64,
    /// How much more often than others styles of a family, a sub-folder, are drawn. Without it that goes
    /// by the square root of how many there are.
    pub families: BTreeMap<String, f64>,
    /// Memory for decoded pictures.
    pub cache_megabytes: usize,
    /// Decay of the moving average of the weights, which is what is exported.
    pub average_decay: f64,
    /// How fast it learns.
    pub optimizer: OptimizerConfig,
    /// What it learns.
    pub loss: LossConfig,
}

/// Adam (Kingma and Ba, 2015) with linear warm-up and cosine decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Highest learning rate of encoder and generator.
    pub learning_rate: f64,
    /// What linear maps learn at, of that: from a style to all that it changes. A step at the full rate would move each of
    /// their results by hundreds of times the rate, and forget other styles (StyleGAN has a hundredth, Karras et al., "A
    /// Style-Based Generator Architecture for Generative Adversarial Networks", 2019).
    pub style_share: f64,
    /// Highest learning rate while only distilling.
    pub distillation_learning_rate: f64,
    /// The cosine ends at this share of the highest learning rate.
    pub final_share: f64,
    /// Steps of warm-up.
    pub warm_up: usize,
    /// Constant learning rate of the discriminator.
    pub discriminator_learning_rate: f64,
    /// The discriminator does not learn from steps in which its loss is below this, so that it cannot
    /// win outright. Guessing has a loss of 2 ln 2 = 1.386.
    pub discriminator_floor: f32,
    /// Gradients of a tensor longer than this are shortened to it.
    pub clip: f32,
}

/// What each loss weighs. 0 switches it off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Instance-normalized features of the painting against the photo's.
    pub content: f64,
    /// Means and deviations of features against the style's.
    pub style: f64,
    /// Centred Gram matrices against the style's.
    pub gram: f64,
    /// Sorted projections of features against the style's (sliced Wasserstein distance).
    pub wasserstein: f64,
    /// How much each of relu1_1 … relu5_1 counts in `style`, each of the first four in `gram`, and each of
    /// the first three in `wasserstein`.
    pub levels: [f64; 5],
    /// The painting against the right answer, where there is one: both blurred where marks are placed by
    /// chance, in pixels and in features where the answer is from a table.
    pub answer: f64,
    /// A picture in its own style against itself.
    pub identity: f64,
    /// Steps between identity losses.
    pub identity_every: usize,
    /// The painting of a moved, noisy photo against the moved painting.
    pub stability: f64,
    /// Steps between stability losses.
    pub stability_every: usize,
    /// Differences of the painting's neighbouring pixels where the photo is flat. Heavy weights clean
    /// skies, but with 100, at rates above 2e-4, the generator gave up painting after 1,300 steps.
    pub total_variation: f64,
    /// Lines in flat areas that sit on the generator's grid, as the mean square in 8-bit levels. Weights of
    /// 1 to 4 take away a fifth to four fifths of them within 500 steps, and cost style.
    pub grid: f64,
    /// Binary cross-entropy of the discriminator's judgement.
    pub adversarial: f64,
    /// Steps after distillation before the adversarial loss begins.
    pub adversarial_from: usize,
    /// Every Nth step has the adversarial loss, and the discriminator learns in it.
    pub adversarial_every: usize,
    /// The discriminator learns real as this probability (one-sided label smoothing, Salimans et
    /// al., "Improved Techniques for Training GANs", 2016).
    pub real_label: f64,
}

/// What a block of steps has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Photos and styles.
    Plain,
    /// Photos and styles, the crops half as large again.
    Large,
    /// Procedural styles, and the photos as the program that made each would paint them.
    Paired,
    /// Photos, styles and paintings from a table of answers.
    Taught,
}

impl Kind {
    /// Whether there is a right answer to each photo.
    pub fn has_answers(self) -> bool {
        matches!(self, Self::Paired | Self::Taught)
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 6000,
            distillation_steps: 1500,
            batch: 4,
            crop: 192,
            style_sides: [256, 384],
            reuse: 3,
            large_every: 4,
            paired_every: 4,
            answers_every: 0,
            trained: Vec::new(),
            seed: 1,
            checkpoint_every: 500,
            sheet_every: 250,
            threads: 1,
            procedural: 0.2,
            style_colours: 1.0,
            families: BTreeMap::new(),
            cache_megabytes: 2000,
            average_decay: 0.998,
            optimizer: OptimizerConfig::default(),
            loss: LossConfig::default(),
        }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            style_share: 0.5,
            distillation_learning_rate: 3e-3,
            final_share: 0.05,
            warm_up: 100,
            discriminator_learning_rate: 2e-4,
            discriminator_floor: 1.25,
            clip: 1.0,
        }
    }
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            content: 1.0,
            style: 1.0,
            gram: 3.0,
            wasserstein: 1.0,
            levels: [1.0; 5],
            answer: 4.0,
            identity: 2.0,
            identity_every: 8,
            stability: 0.0,
            stability_every: 8,
            total_variation: 1.0,
            grid: 0.0,
            adversarial: 0.05,
            adversarial_from: 500,
            adversarial_every: 2,
            real_label: 0.9,
        }
    }
}

impl TrainConfig {
    /// From the text of a TOML file.
    ///
    /// # Errors
    /// Says which setting is unknown or out of range.
    pub fn from_toml(text: &str) -> Result<Self, TrainError> {
        let config: Self =
            toml::from_str(text).map_err(|error| TrainError::Config(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// As a TOML file, every setting spelled out.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(|error| TrainError::Config(error.to_string()))
    }

    /// With other numbers of steps in all, the others in proportion.
    pub fn with_steps(self, steps: usize) -> Self {
        let part =
            |of: usize| (of as f64 * steps as f64 / self.steps.max(1) as f64).round() as usize;
        let (distillation_steps, adversarial_from) =
            (part(self.distillation_steps), part(self.loss.adversarial_from));
        let loss = LossConfig { adversarial_from, ..self.loss };
        Self { steps, distillation_steps, loss, ..self }
    }

    /// What a run that was begun under these settings must not have otherwise when it goes on: each with
    /// the value here and the one in `other`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        // Length and rhythm may change.
        const FREE: [&str; 5] =
            ["steps", "checkpoint_every", "sheet_every", "threads", "cache_megabytes"];
        fn compare(prefix: &str, a: &toml::Table, b: &toml::Table, found: &mut Vec<String>) {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let name = format!("{prefix}{key}");
                let shown = |value: Option<&toml::Value>| {
                    value.map_or("nothing".into(), toml::Value::to_string)
                };
                match (a.get(key), b.get(key)) {
                    (Some(toml::Value::Table(a)), Some(toml::Value::Table(b))) => {
                        compare(&format!("{name}."), a, b, found);
                    }
                    (a, b) if a != b && !FREE.contains(&name.as_str()) => {
                        found.push(format!("{name} was {} and is {}", shown(a), shown(b)));
                    }
                    _ => {}
                }
            }
        }
        let table = |config: &Self| toml::Table::try_from(config).unwrap_or_default();
        let mut found = Vec::new();
        compare("", &table(self), &table(other), &mut found);
        found
    }

    /// # Errors
    /// Names the first setting that is out of range.
    pub fn check(&self) -> Result<(), TrainError> {
        let rules = [
            (self.batch >= 1, "batch must be at least 1"),
            (
                self.crop >= 64 && self.crop.is_multiple_of(16),
                "crop must be a multiple of 16, at least 64",
            ),
            (
                self.steps > self.distillation_steps,
                "steps must be more than distillation_steps, or nothing learns to paint",
            ),
            (self.reuse >= 1, "reuse must be at least 1"),
            (self.threads >= 1, "threads must be at least 1"),
            (self.checkpoint_every >= 1, "checkpoint_every must be at least 1"),
            (self.sheet_every >= 1, "sheet_every must be at least 1"),
            (self.loss.identity_every >= 1, "identity_every must be at least 1"),
            (self.loss.adversarial_every >= 1, "adversarial_every must be at least 1"),
            (self.loss.stability_every >= 1, "stability_every must be at least 1"),
            (
                64 <= self.style_sides[0] && self.style_sides[0] <= self.style_sides[1],
                "style_sides must be two sides of at least 64, the smaller one first",
            ),
            (
                self.families.values().all(|&weight| weight >= 0.0 && weight.is_finite()),
                "the weights of families must not be negative",
            ),
            ((0.0..=1.0).contains(&self.procedural), "procedural must be between 0 and 1"),
            ((0.0..=1.0).contains(&self.style_colours), "style_colours must be between 0 and 1"),
            ((0.0..1.0).contains(&self.average_decay), "average_decay must be between 0 and 1"),
            (self.optimizer.learning_rate > 0.0, "learning_rate must be above 0"),
            (
                (0.0..=1.0).contains(&self.optimizer.style_share),
                "style_share must be between 0 and 1",
            ),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(TrainError::Config(rule.into())),
            None => Ok(()),
        }
    }

    /// Where the pictures of a step are: the block, and in it the photos and the styles.
    ///
    /// While the encoder learns, each step is a block of its own: it is to see as many pictures as can be.
    pub fn place(&self, step: usize) -> (usize, usize, usize) {
        let Some(painting) = step.checked_sub(self.distillation_steps) else {
            return (step, 0, 0);
        };
        let (block, within) =
            (painting / (self.reuse * self.reuse), painting % (self.reuse * self.reuse));
        let block = self.distillation_steps + block;
        let (row, column) = (within / self.reuse, within % self.reuse);
        // An answer is one to a photo and a style.
        let row = if self.kind(block).has_answers() { 0 } else { row };
        (block, column, (column + row) % self.reuse)
    }

    /// Sets of photos, and of styles, in a block.
    pub fn sets(&self, block: usize) -> usize {
        if block < self.distillation_steps { 1 } else { self.reuse }
    }

    /// What a block has in it.
    pub fn kind(&self, block: usize) -> Kind {
        let Some(painting) = block.checked_sub(self.distillation_steps) else {
            return Kind::Plain;
        };
        let due =
            |every: usize, place: usize| every > 0 && (painting + place).is_multiple_of(every);
        if due(self.paired_every, 1) {
            Kind::Paired
        } else if due(self.large_every, self.large_every.div_ceil(2)) {
            // Between those with answers.
            Kind::Large
        } else if due(self.answers_every, 2) {
            Kind::Taught
        } else {
            Kind::Plain
        }
    }

    /// How many crops the steps of a block have, and their side in pixels.
    pub fn crops(&self, block: usize) -> (usize, usize) {
        match self.kind(block) {
            Kind::Paired | Kind::Taught => ((self.batch / 2).max(1), self.answer_side()),
            Kind::Large => ((self.batch / 2).max(1), self.large_side()),
            Kind::Plain => (self.batch, self.crop),
        }
    }

    /// Side of the crops of blocks with larger ones, in pixels.
    fn large_side(&self) -> usize {
        (self.crop * 3 / 2).next_multiple_of(16)
    }

    /// Side of the crops of photos that have answers, in pixels.
    pub fn answer_side(&self) -> usize {
        (self.crop * 4 / 3).next_multiple_of(16)
    }

    /// The learning rate of encoder and generator at a step.
    pub fn learning_rate(&self, step: usize) -> f64 {
        let optimizer = &self.optimizer;
        let (start, end, highest) = match step < self.distillation_steps {
            true => (0, self.distillation_steps, optimizer.distillation_learning_rate),
            false => (self.distillation_steps, self.steps, optimizer.learning_rate),
        };
        let done = step - start;
        let warm_up = ((done + 1) as f64 / optimizer.warm_up.max(1) as f64).min(1.0);
        let progress = done as f64 / (end - start).max(1) as f64;
        let cosine = 0.5 + 0.5 * (std::f64::consts::PI * progress).cos();
        highest * warm_up * (optimizer.final_share + (1.0 - optimizer.final_share) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoder_sees_new_pictures_at_each_step_and_paintings_several_times() {
        let config = TrainConfig {
            distillation_steps: 5,
            reuse: 2,
            paired_every: 3,
            large_every: 2,
            answers_every: 4,
            ..TrainConfig::default()
        };
        for step in 0..5 {
            assert_eq!(config.place(step), (step, 0, 0));
            assert_eq!((config.sets(step), config.kind(step)), (1, Kind::Plain));
            assert_eq!(config.crops(step), (config.batch, config.crop));
        }
        // All pairs of two photos and two styles.
        let places: Vec<_> = (5..9).map(|step| config.place(step)).collect();
        assert_eq!(places, [(5, 0, 0), (5, 1, 1), (5, 0, 1), (5, 1, 0)]);
        assert_eq!((config.place(9).0, config.sets(5)), (6, 2));
        // Answers belong to one photo and one style.
        let kinds: Vec<_> =
            (5..12).map(|block| (config.kind(block), config.crops(block))).collect();
        let answers = (config.batch / 2, (config.crop * 4 / 3).next_multiple_of(16));
        let plain = (config.batch, config.crop);
        let large = (config.batch / 2, (config.crop * 3 / 2).next_multiple_of(16));
        let expected = [
            (Kind::Plain, plain),
            (Kind::Large, large),
            (Kind::Paired, answers),
            (Kind::Large, large),
            (Kind::Plain, plain),
            (Kind::Paired, answers),
            (Kind::Taught, answers),
        ];
        assert_eq!(kinds, expected);
        let paired: Vec<_> = (13..17).map(|step| config.place(step)).collect();
        assert_eq!(paired, [(7, 0, 0), (7, 1, 1), (7, 0, 0), (7, 1, 1)]);
    }
}
