using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Pilotfish.Bench.Peers;

/// <summary>A started program pinned to one core, with its processor time and memory as the kernel counts them. Ended on dispose.</summary>
internal sealed class PinnedProcess : IDisposable
{
    /// <summary>_SC_CLK_TCK, 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;

    private PinnedProcess(Process process) => _process = process;

    public bool HasExited => _process.HasExited;

    public static PinnedProcess Start(ProcessStartInfo program, int core, string logFile)
    {
        // The shell keeps the redirection out of our pipes; exec keeps the process id.
        var start = new ProcessStartInfo("taskset") { UseShellExecute = false, RedirectStandardInput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(core.ToString(CultureInfo.InvariantCulture));
        start.ArgumentList.Add("sh");
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"exec \"$@\" >'{logFile}' 2>&1");
        start.ArgumentList.Add("sh");
        start.ArgumentList.Add(program.FileName);
        foreach (string argument in program.ArgumentList)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_TieredPGO"] = "1";
        return new PinnedProcess(Process.Start(start)!);
    }

    /// <summary>Whether it listens before the limit.</summary>
    public bool WaitForPort(int port)
    {
        long start = Stopwatch.GetTimestamp();
        while (!_process.HasExited && Stopwatch.GetElapsedTime(start) < s_startLimit)
        {
            try
            {
                using var probe = new TcpClient();
                probe.Connect("127.0.0.1", port);
                return true;
            }
            catch (SocketException)
            {
                // Not yet.
                Thread.Sleep(50);
            }
        }

        return false;
    }

    /// <summary>Whether a request is answered well before the limit: some build their tables only with the first one.</summary>
    public bool WaitForAnswer(int port, string host)
    {
        using var client = new HttpClient { Timeout = s_startLimit };
        long start = Stopwatch.GetTimestamp();
        while (!_process.HasExited && Stopwatch.GetElapsedTime(start) < s_startLimit)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{port}/");
            request.Headers.Host = host;
            try
            {
                using HttpResponseMessage response = client.Send(request);
                if (response.IsSuccessStatusCode)
                {
                    return true;
                }
            }
            catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
            {
                // Not yet.
            }

            Thread.Sleep(50);
        }

        return false;
    }

    /// <summary>utime and stime of all its threads. The kernel's sum is exact; how it parts into the two is sampled.</summary>
    public CpuTime Cpu()
    {
        string stat = File.ReadAllText($"/proc/{_process.Id}/stat");
        // The command's name, in parentheses, may hold spaces; utime and stime are fields 14 and 15 of the whole line.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return new CpuTime(
            double.Parse(fields[11], CultureInfo.InvariantCulture) / TicksPerSecond,
            double.Parse(fields[12], CultureInfo.InvariantCulture) / TicksPerSecond);
    }

    public long ResidentKilobytes()
    {
        foreach (string line in File.ReadLines($"/proc/{_process.Id}/status"))
        {
            if (line.StartsWith("VmRSS:", StringComparison.Ordinal))
            {
                return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
