using System.Globalization;
using Pilotfish.Bench.Peers.Loads;

namespace Pilotfish.Bench.Peers;

/// <summary>Medians with their range, and our ratio to each peer.</summary>
internal static class Report
{
    /// <summary>Prints a mode's table and returns the median ratio to each peer.</summary>
    public static Dictionary<string, double> Print(string mode, string unit, IReadOnlyDictionary<string, List<Sample>> samples)
    {
        Console.WriteLine();
        Console.WriteLine(mode);
        Console.WriteLine($"  {"peer",-10} {unit + "/s",24} {"CPU-us/" + unit,24} {"own",6} {"p50 ms",8} {"p99 ms",8} {"p99.9",8} {"RSS MB",8}   our CPU / theirs");
        samples.TryGetValue("pilotfish", out List<Sample>? ours);
        var medians = new Dictionary<string, double>();
        foreach ((string peer, List<Sample> rounds) in samples)
        {
            string ratio = "";
            if (ours is not null && peer != "pilotfish")
            {
                double[] sorted = Ratios(ours, rounds);
                medians[peer] = sorted[sorted.Length / 2];
                ratio = string.Create(CultureInfo.InvariantCulture, $"{medians[peer]:F2} ({sorted[0]:F2}-{sorted[^1]:F2})");
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {peer,-10} {Range(rounds, s => s.OperationsPerSecond, "F0"),24} " +
                $"{Range(rounds, s => s.CpuMicrosecondsPerOperation, "F1"),24} {Median(rounds, s => s.UserMicrosecondsPerOperation),6:F1} " +
                $"{Median(rounds, s => s.P50Milliseconds),8:F2}  " +
                $"{Median(rounds, s => s.P99Milliseconds),8:F2} {Text(Median(rounds, s => s.P999Milliseconds)),8} {Median(rounds, s => s.ResidentKilobytes / 1024.0),8:F1}   {ratio}"));
        }

        return medians;
    }

    public static double Median(IEnumerable<Sample> samples, Func<Sample, double> value)
    {
        double[] sorted = [.. samples.Select(value).Order()];
        return sorted[sorted.Length / 2];
    }

    /// <summary>Rounds are interleaved, so round i of both saw the same machine: the ratio is taken per round. Ascending.</summary>
    private static double[] Ratios(List<Sample> ours, List<Sample> theirs) =>
        [.. ours.Zip(theirs, (a, b) => a.CpuMicrosecondsPerOperation / b.CpuMicrosecondsPerOperation).Order()];

    private static string Text(double milliseconds) => milliseconds == 0 ? "-" : milliseconds.ToString("F2", CultureInfo.InvariantCulture);

    private static string Range(List<Sample> samples, Func<Sample, double> value, string format)
    {
        string Text(double number) => number.ToString(format, CultureInfo.InvariantCulture);
        return $"{Text(Median(samples, value))} ({Text(samples.Min(value))}-{Text(samples.Max(value))})";
    }
}
