using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.Health;

/// <summary>
/// The statistical rules, once per interval: a host is an outlier when its success rate lies below mean - factor * deviation
/// (population), or when its failure percentage reaches the threshold.
/// </summary>
internal static class SuccessRates
{
    public static void Evaluate(OutlierDetector detector, IReadOnlyList<Host> hosts)
    {
        OutlierPolicy policy = detector.Policy;
        Evaluate(detector, Take(hosts, monitor => monitor.TakeExternal()), OutlierKind.SuccessRate, OutlierKind.FailurePercentage);
        if (policy.SplitsLocalOrigin)
        {
            Evaluate(detector, Take(hosts, monitor => monitor.TakeLocal()),
                OutlierKind.LocalOriginSuccessRate, OutlierKind.LocalOriginFailurePercentage);
        }
    }

    private static List<(HostMonitor Monitor, double Rate, long Total)> Take(
        IReadOnlyList<Host> hosts, Func<HostMonitor, (long Successes, long Total)> take)
    {
        var rates = new List<(HostMonitor, double, long)>(hosts.Count);
        foreach (Host host in hosts)
        {
            (long successes, long total) = take(host.Monitor);
            if (total > 0 && !host.Monitor.IsEjected)
            {
                rates.Add((host.Monitor, 100.0 * successes / total, total));
            }
        }

        return rates;
    }

    private static void Evaluate(
        OutlierDetector detector, List<(HostMonitor Monitor, double Rate, long Total)> rates, OutlierKind byRate, OutlierKind byFailures)
    {
        OutlierPolicy policy = detector.Policy;
        List<(HostMonitor Monitor, double Rate, long Total)> valid = rates.FindAll(rate => rate.Total >= policy.SuccessRateVolumeMin);
        bool local = byRate == OutlierKind.LocalOriginSuccessRate;
        detector.SetSuccessRates(local, -1, -1);
        if (valid.Count > 0 && valid.Count >= policy.SuccessRateHostsMin)
        {
            double mean = Mean(valid);
            double threshold = mean - (policy.SuccessRateStdevFactor / 1000.0 * Deviation(valid, mean));
            detector.SetSuccessRates(local, mean, threshold);
            foreach ((HostMonitor monitor, double rate, _) in valid)
            {
                _ = local ? monitor.LocalOriginSuccessRate = rate : monitor.SuccessRate = rate;
            }

            foreach ((HostMonitor monitor, double rate, _) in valid)
            {
                if (rate < threshold)
                {
                    detector.OnDetected(monitor, byRate);
                }
            }
        }

        valid = rates.FindAll(rate => rate.Total >= policy.FailurePercentageVolumeMin);
        if (valid.Count > 0 && valid.Count >= policy.FailurePercentageHostsMin)
        {
            foreach ((HostMonitor monitor, double rate, _) in valid)
            {
                if (100 - rate >= policy.FailurePercentageThreshold)
                {
                    detector.OnDetected(monitor, byFailures);
                }
            }
        }
    }

    private static double Mean(List<(HostMonitor Monitor, double Rate, long Total)> rates)
    {
        double sum = 0;
        foreach ((_, double rate, _) in rates)
        {
            sum += rate;
        }

        return sum / rates.Count;
    }

    private static double Deviation(List<(HostMonitor Monitor, double Rate, long Total)> rates, double mean)
    {
        double squares = 0;
        foreach ((_, double rate, _) in rates)
        {
            squares += (rate - mean) * (rate - mean);
        }

        return Math.Sqrt(squares / rates.Count);
    }
}
