using System.Diagnostics;
using System.Globalization;

namespace Pilotfish.Bench.Peers.Loads;

/// <summary>h2load over plaintext HTTP/2 with prior knowledge: 16 connections of 8 streams, with a browser's headers or a gRPC call's.</summary>
internal static class H2Load
{
    private const int Connections = 16;
    private const int StreamsPerConnection = 8;

    public static LoadResult Run(int port, string host, bool grpc, string directory, TimeSpan time)
    {
        var start = new ProcessStartInfo("h2load") { RedirectStandardOutput = true, RedirectStandardError = true };
        Add("-t1", $"-c{Connections}", $"-m{StreamsPerConnection}", $"-D{(int)time.TotalSeconds}", "-H", $":authority: {host}");
        if (grpc)
        {
            string message = Path.Combine(directory, "grpc.message");
            File.WriteAllBytes(message, Backend.GrpcMessage);
            Add("-d", message, "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "user-agent: grpc-bench/1.0");
        }
        else
        {
            foreach (string header in WrkLoad.BrowserHeaders)
            {
                Add("-H", header.ToLowerInvariant());
            }
        }

        Add($"http://127.0.0.1:{port}{(grpc ? Backend.GrpcPath : Backend.SmallPath)}");
        using Process h2load = Process.Start(start)!;
        Task<string> errors = h2load.StandardError.ReadToEndAsync();
        string text = h2load.StandardOutput.ReadToEnd();
        h2load.WaitForExit();
        return Read(text + errors.Result);

        void Add(params string[] arguments)
        {
            foreach (string argument in arguments)
            {
                start.ArgumentList.Add(argument);
            }
        }
    }

    // finished in 3.00s, 41234.67 req/s, 45.12MB/s
    // requests: 123704 total, 123832 started, 123704 done, 123704 succeeded, 0 failed, 0 errored, 0 timeout
    // status codes: 123704 2xx, 0 3xx, 0 4xx, 0 5xx
    private static LoadResult Read(string text)
    {
        double seconds = 0;
        double succeeded = 0;
        double failed = 0;
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line.StartsWith("finished in ", StringComparison.Ordinal))
            {
                seconds = WrkLoad.Milliseconds(words[2].TrimEnd(',')) / 1000;
            }
            else if (line.StartsWith("requests:", StringComparison.Ordinal))
            {
                succeeded = Before("succeeded,");
                failed = Before("failed,");
            }
            else if (line.StartsWith("status codes:", StringComparison.Ordinal))
            {
                succeeded = Math.Min(succeeded, Before("2xx,"));
            }

            double Before(string word) => double.Parse(words[Array.IndexOf(words, word) - 1], CultureInfo.InvariantCulture);
        }

        return succeeded > 0
            ? new LoadResult(succeeded, seconds) { Failed = failed }
            : throw new InvalidOperationException($"h2load saw no success: {text}");
    }
}
