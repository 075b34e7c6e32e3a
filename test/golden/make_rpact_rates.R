# Rates of rejection of one-look designs at canary allocations, simulated by rpact.
# Rscript test/golden/make_rpact_rates.R > test/golden/rpact-rates.json
suppressMessages(library(rpact))
iterations <- 100000
design <- getDesignGroupSequential(kMax = 1, alpha = 0.025, sided = 1)
entries <- c()
for (allocation in c(1 / 99, 1 / 19, 1 / 3, 1)) {
  for (rate in c(0.05, 0.08)) {
    total <- round(400 * (1 + 1 / allocation))
    result <- getSimulationRates(
      design, groups = 2, riskRatio = FALSE, thetaH0 = 0, directionUpper = TRUE,
      pi1 = rate, pi2 = 0.05, plannedSubjects = total, allocationRatioPlanned = allocation,
      maxNumberOfIterations = iterations, normalApproximation = TRUE, seed = 20261120)
    entries <- c(entries, sprintf(
      '    { "exposure": %.10g, "control": 0.05, "candidate": %.10g, "subjects": %d, "rejected": %.10g }',
      allocation / (1 + allocation), rate, as.integer(total), result$overallReject))
  }
}
cat(sprintf('{\n  "rpact": "%s",\n  "r": "%s",\n  "iterations": %d,\n  "entries": [\n%s\n  ]\n}\n',
  packageVersion("rpact"), R.version.string, as.integer(iterations), paste(entries, collapse = ",\n")))
