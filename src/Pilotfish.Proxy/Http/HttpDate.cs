using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Http;

/// <summary>The value of the Date header, formatted at most twice a second.</summary>
internal sealed class HttpDate(EventLoop loop)
{
    private const long RefreshMilliseconds = 500;

    // Sun, 06 Nov 1994 08:49:37 GMT
    private readonly byte[] _text = new byte[29];
    private long _formattedAt = long.MinValue;

    public ReadOnlySpan<byte> Now
    {
        get
        {
            long now = loop.NowMilliseconds;
            if (_formattedAt == long.MinValue || now - _formattedAt >= RefreshMilliseconds)
            {
                _formattedAt = now;
                loop.WallNow.UtcDateTime.TryFormat(_text, out _, "R");
            }

            return _text;
        }
    }
}
