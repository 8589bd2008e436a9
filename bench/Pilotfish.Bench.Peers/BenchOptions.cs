using System.Globalization;

namespace Pilotfish.Bench.Peers;

/// <summary>What the command line asks for.</summary>
internal sealed record BenchOptions
{
    private static readonly string[] s_peers = ["pilotfish", "nginx", "haproxy", "yarp"];

    public int Seconds { get; private init; } = 3;

    public int Rounds { get; private init; } = 3;

    public int Connections { get; private init; } = 64;

    public int IdleConnections { get; private init; } = 10_000;

    public IReadOnlyList<string> Modes { get; private init; } =
        ["http", "http-10k", "http-1m", "http-log", "hosts-10", "hosts-10000", "latency", "tcp", "idle"];

    public IReadOnlyList<string> Peers { get; private init; } = s_peers;

    /// <summary>Requests per second of the latency mode; 0 = 30 % of our own saturation.</summary>
    public int Rate { get; private init; }

    /// <summary>File of recorded ratios that this run must not be worse than, or null.</summary>
    public string? Gate { get; private init; }

    /// <summary>File that this run's ratios are written to, or null.</summary>
    public string? Record { get; private init; }

    /// <summary>The executable that serves; a .dll is run by dotnet.</summary>
    public required string Pilotfish { get; init; }

    public required string Yarp { get; init; }

    public static BenchOptions Parse(string[] args)
    {
        var options = new BenchOptions { Pilotfish = "", Yarp = "" };
        for (int i = 0; i < args.Length; i += 2)
        {
            string value = i + 1 < args.Length ? args[i + 1] : throw new ArgumentException($"'{args[i]}' is no option, or wants a value.");
            options = args[i] switch
            {
                "--seconds" => options with { Seconds = Number(value, 1, 60) },
                "--rounds" => options with { Rounds = Number(value, 1, 50) },
                "--connections" => options with { Connections = Number(value, 1, 5000) },
                "--idle" => options with { IdleConnections = Number(value, 10, 100_000) },
                "--rate" => options with { Rate = Number(value, 1, 1_000_000) },
                "--gate" => options with { Gate = value },
                "--record" => options with { Record = value },
                "--modes" => options with { Modes = Known(value, static mode => mode is "logs" or "memory" || BenchMode.Of(mode) is not null) },
                "--peers" => options with { Peers = Known(value, s_peers.Contains) },
                "--pilotfish" => options with { Pilotfish = value },
                "--yarp" => options with { Yarp = value },
                _ => throw new ArgumentException($"'{args[i]}' is no option; there are --seconds, --rounds, --connections, --idle, "
                    + "--rate, --gate, --record, --modes, --peers, --pilotfish, --yarp."),
            };
        }

        return options;
    }

    private static string[] Known(string list, Func<string, bool> isKnown)
    {
        string[] words = list.Split(',');
        return Array.Find(words, word => !isKnown(word)) is { } unknown
            ? throw new ArgumentException($"'{unknown}' is no peer; there are {string.Join(", ", s_peers)}.")
            : words;
    }

    private static int Number(string text, int min, int max) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= min && value <= max
            ? value
            : throw new ArgumentException($"'{text}' is no number from {min} to {max}.");
}
