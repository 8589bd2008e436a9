using System.Text;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>One end of a connection, driven by a test in text.</summary>
internal sealed class TestClient(IByteStream stream)
{
    private string _unread = "";

    public IByteStream Stream { get; } = stream;

    public async Task SendAsync(string text) => await Stream.SendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>Reads until the text ends with the marker; what follows stays for the next read.</summary>
    public async Task<string> ReadUntilAsync(string marker)
    {
        while (true)
        {
            int at = _unread.IndexOf(marker, StringComparison.Ordinal);
            if (at >= 0)
            {
                string taken = _unread[..(at + marker.Length)];
                _unread = _unread[(at + marker.Length)..];
                return taken;
            }

            if (!await FillAsync())
            {
                throw new EndOfStreamException($"The peer closed after: {_unread}");
            }
        }
    }

    /// <summary>Reads a response's head, lower-cased names as they are on the wire.</summary>
    public Task<string> ReadHeadAsync() => ReadUntilAsync("\r\n\r\n");

    public async Task<string> ReadBytesAsync(int count)
    {
        while (_unread.Length < count)
        {
            if (!await FillAsync())
            {
                throw new EndOfStreamException($"The peer closed after: {_unread}");
            }
        }

        string taken = _unread[..count];
        _unread = _unread[count..];
        return taken;
    }

    /// <summary>How many bytes were read with the last head; they count as taken.</summary>
    public int TakeUnread()
    {
        int length = _unread.Length;
        _unread = "";
        return length;
    }

    /// <summary>Whether no byte is there to be read now.</summary>
    public bool HasNothing => _unread.Length == 0 && Stream.TryReceive(new byte[1]).IsWouldBlock;

    /// <summary>Everything up to the peer's close.</summary>
    public async Task<string> ReadToEndAsync()
    {
        while (await FillAsync())
        {
        }

        string all = _unread;
        _unread = "";
        return all;
    }

    private async Task<bool> FillAsync()
    {
        byte[] buffer = new byte[64 * 1024];
        IoResult result = await Stream.ReceiveAsync(buffer);
        if (!result.IsOk || result.IsEnd)
        {
            return false;
        }

        _unread += Encoding.Latin1.GetString(buffer, 0, result.Bytes);
        return true;
    }
}
