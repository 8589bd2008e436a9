using System.Diagnostics;
using System.Globalization;

namespace Pilotfish.Bench.Peers.Loads;

/// <summary>openssl s_time: one handshake after the other, in full with a client certificate or resumed.</summary>
internal static class HandshakeLoad
{
    public static LoadResult Run(int port, TlsFiles files, bool resumed, TimeSpan time)
    {
        // Tickets of TLS 1.3 come with the first bytes that are read, and s_time reads none: resumption is measured with 1.2.
        string[] kind = resumed ? ["-reuse", "-tls1_2"] : ["-new", "-tls1_3"];
        string[] arguments =
        [
            "s_time", "-connect", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), .. kind, "-cert", files.Client,
            "-key", files.ClientKey, "-CAfile", files.Roots, "-time", ((int)time.TotalSeconds).ToString(CultureInfo.InvariantCulture),
        ];
        using Process openssl = Process.Start(new ProcessStartInfo("openssl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = openssl.StandardError.ReadToEndAsync();
        string text = openssl.StandardOutput.ReadToEnd();
        openssl.WaitForExit();

        // "4711 connections in 4 real seconds, 0 bytes read per connection"
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is [var count, "connections", "in", var seconds, "real", ..])
            {
                return new LoadResult(double.Parse(count, CultureInfo.InvariantCulture), double.Parse(seconds, CultureInfo.InvariantCulture));
            }
        }

        throw new InvalidOperationException("openssl s_time did not tell its result: " + text + errors.Result);
    }
}
