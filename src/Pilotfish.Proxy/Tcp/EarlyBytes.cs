using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tcp;

/// <summary>
/// What a client sends before its upstream is connected, up to max_early_data_bytes; the rest waits with the client. Reading on also
/// notices a client that leaves. Loop-affine.
/// </summary>
/// <param name="source">The client.</param>
/// <param name="bytesMax">At least 1.</param>
/// <param name="progress">Whose time of the last byte an idle timeout looks at.</param>
internal sealed class EarlyBytes(IByteStream source, int bytesMax, TransferProgress progress)
{
    private const int FirstBytes = 4096;

    private PooledBuffer? _buffer;
    private bool _reading;
    private bool _stopping;
    private Http1.LoopSignal? _stopped;

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Bytes => _buffer is null ? default : _buffer.Memory[..Length];

    /// <summary>Whether the client has said its last.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Waits for the client's first byte; false when it ended or left without one.</summary>
    public async ValueTask<bool> FirstAsync()
    {
        while (true)
        {
            IoResult ready = await source.ReceiveAsync(Memory<byte>.Empty);
            if (!ready.IsOk)
            {
                return false;
            }

            IoResult received = Read();
            if (!received.IsWouldBlock)
            {
                return received.IsOk && !IsEnded;
            }
        }
    }

    /// <summary>Reads on until the room is used up, the client has ended, or <see cref="StopAsync"/>; the error that ended it, or none.</summary>
    public async ValueTask<IoError> RunAsync()
    {
        _reading = true;
        IoError error = IoError.None;
        while (!_stopping && !IsEnded && Length < bytesMax)
        {
            IoResult result = await source.ReceiveAsync(Memory<byte>.Empty);
            if (result.IsOk && !_stopping)
            {
                result = Read();
            }

            if (!result.IsOk && !result.IsWouldBlock)
            {
                error = result.Error == IoError.Canceled ? IoError.None : result.Error;
                break;
            }
        }

        _reading = false;
        _stopped?.Set();
        return error;
    }

    /// <summary>Nobody reads from the client when this is over.</summary>
    public async ValueTask StopAsync()
    {
        _stopping = true;
        if (_reading)
        {
            _stopped = new Http1.LoopSignal(source.Loop);
            source.CancelReceive();
            await _stopped.WaitAsync();
        }
    }

    public void Release()
    {
        _buffer?.Return();
        _buffer = null;
        Length = 0;
    }

    private IoResult Read()
    {
        MakeRoom();
        IoResult result = source.TryReceive(_buffer!.Span[Length..Math.Min(bytesMax, _buffer.Length)]);
        if (result.IsOk)
        {
            Length += result.Bytes;
            IsEnded = result.IsEnd;
            progress.Add(0, source.Loop.NowMilliseconds);
        }

        return result;
    }

    // Grows with what comes: most clients say little before they are answered.
    private void MakeRoom()
    {
        if (_buffer is null)
        {
            _buffer = source.Loop.Buffers.Rent(Math.Min(bytesMax, FirstBytes));
        }
        else if (Length == _buffer.Length)
        {
            PooledBuffer larger = source.Loop.Buffers.Rent(Math.Min(bytesMax, 2 * Length));
            Bytes.Span.CopyTo(larger.Span);
            _buffer.Return();
            _buffer = larger;
        }
    }
}
