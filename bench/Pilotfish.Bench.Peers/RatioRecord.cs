using System.Globalization;

namespace Pilotfish.Bench.Peers;

/// <summary>Recorded ratios to the peers: lines of <c>MODE PEER RATIO</c>, <c>#</c> for remarks.</summary>
internal static class RatioRecord
{
    /// <summary>What may be worse before the gate closes: ratios of one build differ by less between runs on a quiet machine.</summary>
    public const double Tolerance = 0.10;

    /// <summary>Writes the ratios of this run over those of earlier ones; modes and peers that did not run keep theirs.</summary>
    public static void Write(string file, IReadOnlyDictionary<(string Mode, string Peer), double> ratios)
    {
        Dictionary<(string Mode, string Peer), double> all = File.Exists(file) ? Read(file) : [];
        foreach (((string, string) key, double ratio) in ratios)
        {
            all[key] = ratio;
        }

        File.WriteAllLines(file, ["# Our processor time per operation over the peer's: bench/peers/run.sh --record writes it, --gate reads it.",
            .. all.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Key.Mode} {entry.Key.Peer} {entry.Value:F2}")).Order()]);
    }

    /// <summary>True when no measured ratio is worse than the recorded one by more than the tolerance; says what is.</summary>
    public static bool Passes(string file, IReadOnlyDictionary<(string Mode, string Peer), double> ratios)
    {
        Dictionary<(string Mode, string Peer), double> recorded = Read(file);
        bool passes = true;
        Console.WriteLine();
        foreach (((string mode, string peer), double ratio) in ratios)
        {
            if (!recorded.TryGetValue((mode, peer), out double before))
            {
                Console.WriteLine($"gate: {mode} / {peer} is not recorded in {file}");
                continue;
            }

            bool ok = ratio <= before * (1 + Tolerance);
            passes &= ok;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"gate: {mode} / {peer}: {ratio:F2}, recorded {before:F2}{(ok ? "" : ": worse by more than 10 %")}"));
        }

        return passes;
    }

    private static Dictionary<(string Mode, string Peer), double> Read(string file)
    {
        var ratios = new Dictionary<(string, string), double>();
        foreach (string line in File.ReadLines(file))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 3 && words[0] != "#")
            {
                ratios[(words[0], words[1])] = double.Parse(words[2], CultureInfo.InvariantCulture);
            }
        }

        return ratios;
    }
}
