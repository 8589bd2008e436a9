using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pilotfish.Local.Kubelet;
using Pilotfish.Local.Network;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Mesh;

/// <summary>This project's own control plane, run in the node's namespaces and started again when it ends.</summary>
internal sealed class ControlPlaneProcess(NodeContext node) : IControlPlane
{
    private const int ReadyPort = 8080;

    // Longer than the control plane's debounce of 100 ms, so that two quiet looks in a row have a push between them if one is due.
    private const int SettleQuietLooks = 2;

    // 15 seconds: a sidecar that never acknowledges must not keep a mesh from being called up, nor a pod from leaving. A control plane
    // that was killed is back, and its sidecars with it, in a third of that.
    private const int SettleLooksMax = 100;

    private static readonly TimeSpan s_settlePause = TimeSpan.FromMilliseconds(150);

    /// <summary>A build that is not native needs a few seconds on a busy machine.</summary>
    private static readonly TimeSpan s_readyDeadline = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan s_readyPoll = TimeSpan.FromMilliseconds(50);

    /// <summary>Its pages are small and local; one that hangs must not hold up pods and addresses.</summary>
    private static readonly TimeSpan s_answerDeadline = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_restartPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_stopGrace = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private volatile Process? _process;

    public async Task StartAsync()
    {
        _running = RunAsync();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        deadline.CancelAfter(s_readyDeadline);
        while (!await IsReadyAsync(deadline.Token))
        {
            if (_running.IsCompleted)
            {
                await _running;
            }

            if (deadline.IsCancellationRequested)
            {
                throw new LocalException(
                    $"The control plane was not ready within {s_readyDeadline.TotalMinutes:0} minutes; see '{node.Folders.ControlPlaneLog}'.");
            }

            await Task.Delay(s_readyPoll);
        }
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        if (_process is { HasExited: false } process && ProcessTable.FirstChild(process.Id) is int child)
        {
            ProcessSignal.TrySend(child, ProcessSignal.SIGTERM);
        }

        // What does not listen dies with the node's sandbox a moment later.
        await Task.WhenAny(_running, Task.Delay(s_stopGrace));
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            string command = Shell.Quote(
            [
                node.Executables.Own, "discovery", "--configDir", node.ManifestFolder, "--recursive=false", "--stateDir", node.Folders.RuntimeState,
            ]);
            string script = $"exec </dev/null >>{Shell.Quote(node.Folders.ControlPlaneLog)} 2>&1; exec {command}";
            IReadOnlyList<string> enter = node.Node.Enter();
            using Process process = Process.Start(enter[0], [.. enter.Skip(1), "/bin/sh", "-c", script])
                ?? throw new LocalException("'nsenter' could not be started.");
            _process = process;
            await process.WaitForExitAsync();
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            node.Report($"the control plane ended with exit code {process.ExitCode.ToString(CultureInfo.InvariantCulture)} and is "
                + $"started again; see {node.Folders.ControlPlaneLog}");
            await Task.Delay(s_restartPause, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    public Task SettleAsync(IReadOnlyCollection<IPEndPoint> endpoints, IReadOnlyCollection<string> proxies) =>
        SettleAsync(known => ControlPlaneStatus.Knows(known, endpoints), proxies, _stop.Token);

    public Task SettleWithoutAsync(IPAddress address, IReadOnlyCollection<string> proxies, CancellationToken stop) =>
        SettleAsync(known => ControlPlaneStatus.Forgot(known, address), proxies, stop);

    private async Task SettleAsync(Func<string, bool> isKnown, IReadOnlyCollection<string> proxies, CancellationToken stop)
    {
        // 1. The state files are read and debounced. 2. What that changed is pushed and acknowledged: seen twice, since a push may
        // be about to start when the first look finds everything quiet.
        int quiet = 0;
        for (int look = 0; look < SettleLooksMax && quiet < SettleQuietLooks && !stop.IsCancellationRequested; look++)
        {
            string known = await GetAsync("/debug/endpointz", stop) ?? "";
            string synced = await GetAsync("/debug/syncz", stop) ?? "";
            quiet = isKnown(known) && ControlPlaneStatus.IsAcknowledged(synced, proxies) ? quiet + 1 : 0;
            await Task.Delay(s_settlePause, stop).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    public async Task<IReadOnlyList<string>?> ProblemsAsync() =>
        await GetAsync("/debug/problems", _stop.Token) is { } page ? ControlPlaneStatus.Problems(page) : null;

    private async Task<bool> IsReadyAsync(CancellationToken stop) => await GetAsync("/ready", stop) is not null;

    private async Task<string?> GetAsync(string path, CancellationToken stop)
    {
        try
        {
            using var handler = new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectCallback = async (context, cancel) =>
                {
                    Socket socket = node.Sockets.Run(
                        () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                    await socket.ConnectAsync(new IPEndPoint(AddressPlan.ControlPlane, ReadyPort), cancel);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            };
            using var client = new HttpClient(handler) { Timeout = s_answerDeadline };
            using HttpResponseMessage response = await client.GetAsync($"http://{AddressPlan.ControlPlane}:{ReadyPort}{path}", stop);
            return response.IsSuccessStatusCode ? await response.Content.ReadAsStringAsync(stop) : null;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or SocketException)
        {
            // Not listening yet, or no longer.
            return null;
        }
    }
}
