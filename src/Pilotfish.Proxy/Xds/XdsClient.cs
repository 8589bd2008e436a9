using Grpc.Core;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Keeps a stream to one control plane: opens it, and after its end opens it again with back-off. What was accepted stays in
/// force meanwhile. Main loop.
/// </summary>
internal sealed class XdsClient<TRequest, TResponse> : IDisposable
    where TRequest : class
    where TResponse : class
{
    private const long BackOffBaseMilliseconds = 500;
    private const long BackOffCapMilliseconds = 30_000;

    private readonly EventLoop _loop;
    private readonly IControlPlane _controlPlane;
    private readonly Method<TRequest, TResponse> _method;
    private readonly XdsStream<TRequest, TResponse> _stream;
    private readonly BackOff _backOff = new(BackOffBaseMilliseconds, BackOffCapMilliseconds, Random.Shared.NextDouble);
    private readonly CancellationTokenSource _stop = new();
    private readonly Gauge _connected;
    private readonly StatCells _cells;
    private bool _answered;

    public XdsClient(
        EventLoop loop,
        ResourceTable table,
        IXdsProtocol<TRequest, TResponse> protocol,
        Method<TRequest, TResponse> method,
        IControlPlane controlPlane,
        StatsStore stats)
    {
        _loop = loop;
        _controlPlane = controlPlane;
        _method = method;
        _stream = new XdsStream<TRequest, TResponse>(protocol, OnResponse);
        _cells = stats.Main;
        StatScope scope = stats.Scope("control_plane");
        _connected = scope.Gauge("connected_state");
        scope.TextReadout("identifier").Value = controlPlane.Name;
        table.OnChanged = _stream.SendChanges;
    }

    public void Start() => _ = RunAsync();

    public void Dispose()
    {
        _stop.Cancel();
        _controlPlane.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            string end = await RunOnceAsync();
            _cells.Set(_connected, 0);
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            if (_answered)
            {
                // A server that served and then ended the stream is routine: istiod does so every half hour.
                _backOff.Reset();
                _answered = false;
            }

            long wait = _backOff.NextMilliseconds();
            Log.Warning(LogComponent.Config, $"The stream to control plane '{_controlPlane.Name}' ended: {end}. Next attempt in {wait} ms.");
            await _loop.DelayAsync(wait);
        }
    }

    // Returns why the stream ended.
    private async Task<string> RunOnceAsync()
    {
        try
        {
            ControlPlaneCall target = await _controlPlane.PrepareAsync(_stop.Token);
            await _stream.RunAsync(_method, target, () => _cells.Set(_connected, 1), _stop.Token);
            return "the server closed it";
        }
        catch (RpcException e)
        {
            // Where no connection came about, the status only says so; the cause is the exception beneath.
            return e.Status.DebugException?.GetBaseException() is { } cause
                ? $"{e.StatusCode}: {e.Status.Detail} ({cause.Message})"
                : $"{e.StatusCode}: {e.Status.Detail}";
        }
        catch (OperationCanceledException)
        {
            return "stopping";
        }
        catch (Exception e) when (e is IOException or System.Net.Http.HttpRequestException or InvalidOperationException)
        {
            return e.Message;
        }
    }

    private void OnResponse() => _answered = true;
}
