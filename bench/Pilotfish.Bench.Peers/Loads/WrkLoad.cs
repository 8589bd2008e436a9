using System.Diagnostics;
using System.Globalization;

namespace Pilotfish.Bench.Peers.Loads;

/// <summary>wrk with the headers a browser sends, keep-alive, one thread.</summary>
internal static class WrkLoad
{
    internal static readonly string[] BrowserHeaders =
    [
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Accept-Language: en-GB,en;q=0.9,de;q=0.7",
        "Cache-Control: max-age=0",
        "Cookie: session=0f2b8c54a1d94e7c9a6c; theme=dark; consent=1",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: same-origin",
        "Upgrade-Insecure-Requests: 1",
    ];

    /// <summary>Requests done, and latencies in milliseconds.</summary>
    public static LoadResult Run(int port, string host, int connections, TimeSpan time, string path = Backend.SmallPath, bool tls = false)
    {
        var start = new ProcessStartInfo("wrk") { RedirectStandardOutput = true };
        foreach (string argument in (string[])["-t1", $"-c{connections}", $"-d{(int)time.TotalSeconds}s", "--latency", "-H", $"Host: {host}"])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (string header in BrowserHeaders)
        {
            start.ArgumentList.Add("-H");
            start.ArgumentList.Add(header);
        }

        start.ArgumentList.Add($"{(tls ? "https" : "http")}://127.0.0.1:{port}{path}");
        using Process wrk = Process.Start(start)!;
        string text = wrk.StandardOutput.ReadToEnd();
        wrk.WaitForExit();
        return Read(text);
    }

    private static LoadResult Read(string text)
    {
        double requests = 0;
        double seconds = 0;
        double p50 = 0;
        double p99 = 0;
        foreach (string raw in text.Split('\n'))
        {
            string line = raw.Trim();
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line.StartsWith("50%", StringComparison.Ordinal))
            {
                p50 = Milliseconds(words[1]);
            }
            else if (line.StartsWith("99%", StringComparison.Ordinal))
            {
                p99 = Milliseconds(words[1]);
            }
            else if (line.Contains(" requests in ", StringComparison.Ordinal))
            {
                requests = double.Parse(words[0], CultureInfo.InvariantCulture);
                seconds = Milliseconds(words[3].TrimEnd(',')) / 1000;
            }
            else if (line.StartsWith("Non-2xx", StringComparison.Ordinal) || line.StartsWith("Socket errors", StringComparison.Ordinal))
            {
                Console.WriteLine($"  wrk: {line}");
            }
        }

        return new LoadResult(requests, seconds, p50, p99);
    }

    internal static double Milliseconds(string text)
    {
        (double factor, int suffix) = text switch
        {
            _ when text.EndsWith("us", StringComparison.Ordinal) => (0.001, 2),
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (1, 2),
            _ when text.EndsWith('m') => (60_000, 1),
            _ => (1000, 1),
        };
        return double.Parse(text[..^suffix], CultureInfo.InvariantCulture) * factor;
    }
}
