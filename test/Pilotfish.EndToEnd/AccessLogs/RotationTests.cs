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

    private const string Bootstrap = """
        static_resources:
          listeners:
          - name: http
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: h
                  access_log:
                  - name: log
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                      path: FILE
                      log_format: {text_format_source: {inline_string: "begin %REQ(:METHOD)% %RESPONSE_CODE% %BYTES_SENT% end\n"}}
                  http_filters:
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                  route_config:
                    virtual_hosts:
                    - name: v
                      domains: ["*"]
                      routes:
                      - match: {prefix: /}
                        direct_response: {status: 200, body: {inline_string: ok}}
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("pilotfish-rotation-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task SignalsAndPosts_UnderLoad_LoseAndSplitNoRecord()
    {
        Prerequisite.Program("h2load");
        string path = Path.Combine(_directory, "access.log");
        using ServeProcess serve = await ServeProcess.StartAsync(Bootstrap.Replace("FILE", path, StringComparison.Ordinal));
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
                using Process kill = Process.Start("kill", ["-USR1", $"{serve.Id}"]);
                await kill.WaitForExitAsync(Stop);
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
