//! Seeded vectors in clusters, as learned embeddings lie: also for the benchmark.

/// A source of numbers (SplitMix64), the same on every machine and for ever.
pub struct Samples {
    state: u64,
    centres: Vec<Vec<f32>>,
    /// Standard deviation within a cluster; between the centres it is one.
    spread: f32,
}

impl Samples {
    /// Of so many clusters.
    pub fn new(seed: u64, dimensions: usize, clusters: usize, spread: f32) -> Self {
        let mut samples = Self {
            state: seed,
            centres: Vec::new(),
            spread,
        };
        for _ in 0..clusters {
            let centre = samples.gaussian(dimensions);
            samples.centres.push(centre);
        }
        samples
    }

    /// A whole number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f32) as usize % end
    }

    /// A number from 0 to 1.
    pub fn unit(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 24) as f32
    }

    /// A vector of independent normal numbers: twelve uniform ones have the variance one.
    pub fn gaussian(&mut self, dimensions: usize) -> Vec<f32> {
        let normal = |samples: &mut Self| (0..12).map(|_| samples.unit()).sum::<f32>() - 6.0;
        (0..dimensions).map(|_| normal(self)).collect()
    }

    /// A vector of one of the clusters.
    pub fn vector(&mut self) -> Vec<f32> {
        let cluster = self.below(self.centres.len());
        let noise = self.gaussian(self.centres[cluster].len());
        let around = self.centres[cluster].iter().zip(noise);
        around
            .map(|(centre, noise)| centre + self.spread * noise)
            .collect()
    }
}
