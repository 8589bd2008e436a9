using Google.Protobuf;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Keeps a stream to one control plane: opens it, and after its end opens it again with back-off. What was accepted stays in
/// force meanwhile. Main loop.
/// </summary>
internal sealed class XdsClient : IXdsStreamOwner, IDisposable
{
    private readonly EventLoop _loop;
    private readonly IXdsProtocol<IMessage> _protocol;
    private readonly IXdsDialler _dialler;
    private readonly XdsService _service;
    private readonly BackOff _backOff;
    private readonly LoopTimer _next;
    private readonly Gauge _connected;
    private readonly StatCells _cells;
    private XdsStream? _stream;
    private bool _answered;
    private bool _disposed;
    private bool _waitsForSubscription;

    public XdsClient(
        EventLoop loop,
        ResourceTable table,
        IXdsProtocol<IMessage> protocol,
        XdsService service,
        IXdsDialler dialler,
        BackOff backOff,
        StatsStore stats)
    {
        _loop = loop;
        _protocol = protocol;
        _service = service;
        _dialler = dialler;
        _backOff = backOff;
        _next = new LoopTimer(loop, static state => ((XdsClient)state!).Open(), this);
        _cells = stats.Main;
        StatScope scope = stats.Scope("control_plane");
        _connected = scope.Gauge("connected_state");
        scope.TextReadout("identifier").Value = dialler.Name;
        table.OnChanged = OnSubscriptionsChanged;
    }

    /// <summary>Opens the first stream in a later turn, when the bootstrap is applied whole.</summary>
    public void Start() => _loop.Post(static state => ((XdsClient)state!).Open(), this);

    /// <summary>Opens the first stream with the first subscription; until then nobody is troubled.</summary>
    public void StartWhenSubscribed() => _waitsForSubscription = true;

    public void Dispose()
    {
        _disposed = true;
        _next.Cancel();
        _stream?.Cancel();
        _stream = null;
    }

    public void OnOpened() => _cells.Set(_connected, 1);

    public void OnResponse() => _answered = true;

    public void OnEnd(in GrpcEnd end)
    {
        _stream = null;
        _cells.Set(_connected, 0);
        if (_disposed)
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
        Log.Warning(LogComponent.Config, $"The stream to control plane '{_dialler.Name}' ended: {XdsEndText.Of(in end, _dialler)}. Next attempt in {wait} ms.");
        _next.Schedule(Math.Max(1, wait));
    }

    private void OnSubscriptionsChanged()
    {
        if (_waitsForSubscription)
        {
            _waitsForSubscription = false;
            Open();
        }
        else
        {
            _stream?.SendChanges();
        }
    }

    private void Open()
    {
        if (!_disposed)
        {
            _stream = new XdsStream(_protocol, _dialler, _service, _loop.Buffers, this);
            _stream.Open();
        }
    }
}
