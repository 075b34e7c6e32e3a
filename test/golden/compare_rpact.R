# Prints bounds and sizes of some designs by rpact as JSON; test/statistics/rpact.test.ts compares them with ours.
#
#   apt-get install r-cran-rpact && Rscript test/golden/compare_rpact.R

suppressMessages(library(rpact))

numbers <- function(x) paste0("[", paste(sprintf("%.10g", x), collapse = ", "), "]")

design <- function(id, ...) {
  found <- getDesignGroupSequential(...)
  size <- getDesignCharacteristics(found)
  futility <- found$futilityBounds
  lower <- if (is.null(futility) || any(is.na(futility)) || any(futility <= -6)) "null" else numbers(futility)
  sprintf(
    '{"id": "%s", "upper": %s, "lower": %s, "inflation": %.10g}',
    id, numbers(found$criticalValues), lower, size$inflationFactor
  )
}

quarters <- c(0.25, 0.5, 0.75, 1)
uneven <- c(0.3, 0.5, 0.9, 1)
entries <- c(
  design("O'Brien-Fleming spending", alpha = 0.025, informationRates = uneven, typeOfDesign = "asOF", beta = 0.1),
  design("Pocock spending", alpha = 0.025, informationRates = uneven, typeOfDesign = "asP", beta = 0.1),
  design("Kim-DeMets 2.5", alpha = 0.01, informationRates = quarters, typeOfDesign = "asKD", gammaA = 2.5, beta = 0.2),
  design("Hwang-Shih-DeCani -4", alpha = 0.05, informationRates = uneven, typeOfDesign = "asHSD", gammaA = -4, beta = 0.2),
  design("Wang-Tsiatis 0.3", alpha = 0.025, informationRates = quarters, typeOfDesign = "WT", deltaWT = 0.3, beta = 0.1),
  design(
    "binding futility", alpha = 0.025, informationRates = quarters, typeOfDesign = "asOF", beta = 0.1,
    typeBetaSpending = "bsOF", bindingFutility = TRUE
  ),
  design(
    "futility that is not binding", alpha = 0.025, informationRates = quarters, typeOfDesign = "asKD", gammaA = 2, beta = 0.1,
    typeBetaSpending = "bsKD", gammaB = 1.5, bindingFutility = FALSE
  )
)
cat("[", paste(entries, collapse = ",\n"), "]\n")
