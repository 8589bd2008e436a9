using System.Diagnostics;
using System.Globalization;
using Pilotfish.EndToEnd.Faults;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.AccessLogs;

/// <summary>Rotation of a log file while requests come: each has one whole line in one of the files.</summary>
public sealed class RotationTests : IDisposable
{
    private const int Requests = 100_000;
    private const int Rotations = 10;

    private const string Format = """
        , log_format: {text_format_source: {inline_string: "begin %REQ(:METHOD)% %RESPONSE_CODE% %BYTES_SENT% end\n"}}
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("pilotfish-rotation-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task SignalsAndPosts_UnderLoad_LoseAndSplitNoRecord()
    {
        Prerequisite.Program("h2load");
        string path = Path.Combine(_directory, "access.log");
        using ServeProcess serve = await ServeProcess.StartAsync(
            AnsweringBootstrap.With("ok", AnsweringBootstrap.FileLogger(path, Format)));
        using Process load = Process.Start(new ProcessStartInfo(
            "h2load", ["--h1", "-n", Requests.ToString(CultureInfo.InvariantCulture), "-c", "8", $"http://{await serve.ListenerAsync("http")}"])
        {
            RedirectStandardOutput = true,
        })!;
        for (int i = 0; i < Rotations; i++)
        {
            File.Move(path, $"{path}.{i}");
            if (i % 2 == 0)
            {
                await SignalAsync(serve.Id, "-USR1");
            }
            else
            {
                Assert.Equal("OK\n", await serve.PostAsync("/reopen_logs"));
            }

            await UntilAsync(() => Task.FromResult(File.Exists(path)));
        }

        Assert.Contains($"{Requests} succeeded, 0 failed, 0 errored", await load.StandardOutput.ReadToEndAsync(Stop));
        await UntilAsync(async () => await serve.StatAsync("filesystem.write_total_buffered") == 0);
        Assert.Equal((Requests, 0), (await serve.StatAsync("filesystem.write_buffered"), await serve.StatAsync("filesystem.write_dropped")));
        await UntilAsync(() => Task.FromResult(Lines() == Requests));
    }

    [Fact]
    public async Task LogPath_SignalAndPost_OpenTheProcessLogAnew()
    {
        string log = Path.Combine(_directory, "proxy.log");
        string config = Path.Combine(_directory, "bootstrap.yaml");
        string admin = Path.Combine(_directory, "admin");
        File.WriteAllText(log, "of an earlier run\n");
        File.WriteAllText(config, "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n");
        using Process serve = Process.Start(new ProcessStartInfo(
            Executable.Path, ["serve", "-c", config, "--log-path", log, "--admin-address-path", admin, "--concurrency", "1"])
        {
            RedirectStandardError = true,
        })!;
        try
        {
            await UntilAsync(() => Task.FromResult(File.ReadAllText(log).Contains("starting workers", StringComparison.Ordinal)));
            File.Move(log, log + ".1");
            await SignalAsync(serve.Id, "-USR1");
            await UntilAsync(() => Task.FromResult(File.Exists(log)));
            File.Move(log, log + ".2");
            using var client = new HttpClient();
            using HttpResponseMessage reopened = await client.PostAsync(new Uri($"http://{File.ReadAllText(admin)}/reopen_logs"), null, Stop);
            await UntilAsync(() => Task.FromResult(File.Exists(log)));
            await SignalAsync(serve.Id, "-TERM");
            await serve.WaitForExitAsync(Stop);
        }
        finally
        {
            serve.Kill();
        }

        Assert.StartsWith("of an earlier run\n[", File.ReadAllText(log + ".1"), StringComparison.Ordinal);
        Assert.Contains("[warning][main] caught SIGTERM; exiting\n", File.ReadAllText(log), StringComparison.Ordinal);
        Assert.Equal("", await serve.StandardError.ReadToEndAsync(Stop));
    }

    private static async Task SignalAsync(int pid, string signal)
    {
        using Process kill = Process.Start("kill", [signal, $"{pid}"]);
        await kill.WaitForExitAsync(Stop);
    }

    private int Lines()
    {
        int lines = 0;
        foreach (string file in Directory.GetFiles(_directory))
        {
            foreach (string line in File.ReadLines(file))
            {
                Assert.Equal("begin GET 200 2 end", line);
                lines++;
            }
        }

        return lines;
    }

    private static async Task UntilAsync(Func<Task<bool>> reached)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await reached())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience.Limit, "What was waited for did not happen.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), Stop);
        }
    }
}
