using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Faults;

/// <summary>`pilotfish serve` as a process of its own on loopback ports that the kernel chose, so that tests can take its resources away.</summary>
internal sealed class ServeProcess : IDisposable
{
    private const string ReadyMark = "starting workers";

    private readonly Process _process;
    private readonly string _directory;
    private readonly HttpClient _admin;

    private ServeProcess(Process process, string directory, Uri admin)
    {
        _process = process;
        _directory = directory;
        _admin = new HttpClient { BaseAddress = admin };
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Standard output, where the access log of these bootstraps goes.</summary>
    public StreamReader Output => _process.StandardOutput;

    /// <param name="bootstrap">YAML without an admin section; admin is added.</param>
    /// <param name="wrapper">A program and its arguments before ours, such as prlimit.</param>
    public static Task<ServeProcess> StartAsync(string bootstrap, params string[] wrapper) => StartAsync(bootstrap, workers: 1, wrapper);

    /// <summary>The same with so many workers.</summary>
    public static async Task<ServeProcess> StartAsync(string bootstrap, int workers, params string[] wrapper)
    {
        string directory = Directory.CreateTempSubdirectory("pilotfish-serve-").FullName;
        string file = Path.Combine(directory, "bootstrap.yaml");
        string adminFile = Path.Combine(directory, "admin");
        File.WriteAllText(file, bootstrap + "\nadmin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n");
        string[] command =
        [
            .. wrapper, Executable.Path, "serve", "-c", file, "--concurrency", workers.ToString(CultureInfo.InvariantCulture), "--log-level", "info", "--admin-address-path", adminFile,
            "--file-flush-interval-msec", "50",
        ];
        Process process = Process.Start(
            new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        using var limit = new CancellationTokenSource(Patience.Limit);
        string log = "";
        while (await process.StandardError.ReadLineAsync(limit.Token) is { } line)
        {
            log += line + "\n";
            if (line.Contains(ReadyMark, StringComparison.Ordinal))
            {
                _ = process.StandardError.ReadToEndAsync(CancellationToken.None);
                return new ServeProcess(process, directory, new Uri("http://" + File.ReadAllText(adminFile)));
            }
        }

        process.Dispose();
        Directory.Delete(directory, recursive: true);
        throw new InvalidOperationException("serve ended before it was ready: " + log);
    }

    public async Task<IPEndPoint> ListenerAsync(string name)
    {
        using JsonDocument listeners = JsonDocument.Parse(await _admin.GetStringAsync("/listeners?format=json"));
        foreach (JsonElement status in listeners.RootElement.GetProperty("listener_statuses").EnumerateArray())
        {
            if (status.GetProperty("name").GetString() == name)
            {
                JsonElement address = status.GetProperty("local_address").GetProperty("socket_address");
                return new IPEndPoint(IPAddress.Parse(address.GetProperty("address").GetString()!), address.GetProperty("port_value").GetInt32());
            }
        }

        throw new InvalidOperationException($"There is no listener '{name}'.");
    }

    public async Task<string> PostAsync(string path)
    {
        using HttpResponseMessage response = await _admin.PostAsync(new Uri(path, UriKind.Relative), null);
        return await response.Content.ReadAsStringAsync();
    }

    public async Task<long> StatAsync(string name)
    {
        string text = await _admin.GetStringAsync($"/stats?filter=^{name.Replace(".", "\\.", StringComparison.Ordinal)}$");
        return long.Parse(text.Split(": ")[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Memory that only this process uses, in bytes.</summary>
    public long PrivateMemory()
    {
        string line = File.ReadLines($"/proc/{Id}/status").First(static line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        _admin.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
