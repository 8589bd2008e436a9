using Google.Protobuf;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// One stream from open to end. A response is read as it arrives, applied when it is whole and answered before the next one is read, which
/// is the back-pressure towards the control plane. Main loop.
/// </summary>
internal sealed class XdsStream : IXdsCallEvents
{
    private readonly IXdsProtocol<IMessage> _protocol;
    private readonly IXdsStreamOwner _owner;
    private readonly IXdsCall _call;
    private readonly DiscoveryResponseReader _reader;
    private readonly Queue<IMessage> _queue = new();
    private bool _isOpen;
    private bool _isOver;

    public XdsStream(IXdsProtocol<IMessage> protocol, IXdsDialler dialler, XdsService service, BufferPool buffers, IXdsStreamOwner owner)
    {
        _protocol = protocol;
        _owner = owner;
        _reader = new DiscoveryResponseReader(protocol.IsDelta, buffers);
        _call = dialler.Dial(service.Method(protocol.IsDelta), this);
    }

    /// <summary>Opens it, once. Its end may be told before this returns.</summary>
    public void Open() => _call.Start();

    /// <summary>Ends it without a word to the owner.</summary>
    public void Cancel()
    {
        if (!_isOver)
        {
            _call.Cancel();
            Close();
        }
    }

    /// <summary>Subscriptions changed: tells the control plane, if the stream is open.</summary>
    public void SendChanges()
    {
        if (_isOpen)
        {
            Send(_protocol.TakeChanges());
        }
    }

    public void OnOpened()
    {
        _isOpen = true;
        _owner.OnOpened();
        Send(_protocol.OnOpen());
    }

    public void OnResponsePart(ReadOnlySpan<byte> part, bool end)
    {
        if (_reader.Read(part) && !end)
        {
            return;
        }

        if (_reader.Finish(out string? problem) is not { } response)
        {
            string message = $"The server's response is no {(_protocol.IsDelta ? "DeltaDiscoveryResponse" : "DiscoveryResponse")}: {problem}.";
            _call.Cancel();
            OnEnd(new GrpcEnd(GrpcStatusCode.Internal, message, AsyncFailureKind.InvalidResponse));
            return;
        }

        _owner.OnResponse();
        IMessage answer = _protocol.OnResponse(response);

        // Applying config may end the stream: the agent stops, or the control plane's own cluster is replaced.
        if (_isOpen)
        {
            _queue.Enqueue(answer);
            OnWritable();
        }
    }

    public void OnWritable()
    {
        while (_isOpen && _queue.TryPeek(out IMessage? request) && _call.TrySend(request))
        {
            _queue.Dequeue();
        }
    }

    public void OnEnd(in GrpcEnd end)
    {
        Close();
        _owner.OnEnd(in end);
    }

    private void Close()
    {
        _isOver = true;
        _isOpen = false;
        _queue.Clear();
        _reader.Release();
        _protocol.OnClosed();
    }

    private void Send(IReadOnlyList<IMessage> requests)
    {
        foreach (IMessage request in requests)
        {
            _queue.Enqueue(request);
        }

        OnWritable();
    }
}
