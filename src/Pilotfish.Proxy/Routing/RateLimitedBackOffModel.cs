using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Config;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.Routing;

/// <summary>Back-off by what a rate-limited response says: seconds to wait, or the Unix time from which to try again.</summary>
public sealed class RateLimitedBackOffModel
{
    private const long DefaultMaxMilliseconds = 300_000;

    private readonly (byte[] Name, bool IsUnixTime)[] _headers;
    private readonly long _maxMilliseconds;

    private RateLimitedBackOffModel((byte[] Name, bool IsUnixTime)[] headers, long maxMilliseconds)
    {
        _headers = headers;
        _maxMilliseconds = maxMilliseconds;
    }

    public static RateLimitedBackOffModel? Compile(RetryPolicy.Types.RateLimitedRetryBackOff? backOff, string field)
    {
        if (backOff is null)
        {
            return null;
        }

        if (backOff.ResetHeaders.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.reset_headers", "at least one header must be named");
        }

        var headers = new (byte[] Name, bool IsUnixTime)[backOff.ResetHeaders.Count];
        for (int i = 0; i < headers.Length; i++)
        {
            RetryPolicy.Types.ResetHeader header = backOff.ResetHeaders[i];
            headers[i] = (Encoding.ASCII.GetBytes(header.Name.ToLowerInvariant()),
                header.Format == RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp);
        }

        return new RateLimitedBackOffModel(headers, Durations.Milliseconds(backOff.MaxInterval) ?? DefaultMaxMilliseconds);
    }

    /// <summary>Milliseconds to wait by the first header that states a usable time; 0 = none does, or it is beyond the maximum.</summary>
    public long Read(HeaderMap headers, DateTimeOffset now)
    {
        foreach ((byte[] name, bool isUnixTime) in _headers)
        {
            if (!headers.TryGet(name, out ReadOnlySpan<byte> text) || !DecimalText.TryParse(text, out long value))
            {
                continue;
            }

            long seconds = isUnixTime ? value - now.ToUnixTimeSeconds() : value;
            if (seconds > 0 && seconds <= _maxMilliseconds / 1000)
            {
                return seconds * 1000;
            }
        }

        return 0;
    }
}
