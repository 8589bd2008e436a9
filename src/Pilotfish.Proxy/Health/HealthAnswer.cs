using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Health;

/// <summary>Takes the answer to an HTTP check out of its bytes, however they are cut, and judges it.</summary>
internal sealed class HealthAnswer(HealthCheckPolicy policy)
{
    private const int Percent = 100;

    private static readonly byte[] s_degraded = "x-envoy-degraded"u8.ToArray();
    private static readonly byte[] s_service = "x-envoy-upstream-healthchecked-cluster"u8.ToArray();

    private readonly HeaderMap _trailers = new();
    private readonly byte[] _body = new byte[policy.Expected.Count > 0 ? policy.ResponseBytes : 0];
    private HeadScanner _scanner;
    private HeaderMap? _headers;
    private BodyDecoder _decoder;
    private int _bodyBytes;
    private int _status;

    public bool IsComplete { get; private set; }

    /// <summary>The body has no other end than the connection's.</summary>
    public bool EndsWithConnection => _headers is not null && _decoder.Kind == BodyKind.UntilClose;

    public bool KeepsAlive { get; private set; }

    /// <summary>As much of the body as the policy looks at.</summary>
    public ReadOnlySpan<byte> Body => _body.AsSpan(0, _bodyBytes);

    /// <summary>How many bytes were taken; -1 when they are no HTTP/1.1 response.</summary>
    public int Read(ReadOnlySpan<byte> bytes, bool atEnd)
    {
        int used = 0;
        while (_headers is null)
        {
            int head = _scanner.Scan(bytes[used..], out bool bareLineFeed);
            if (bareLineFeed)
            {
                return -1;
            }

            if (head == 0)
            {
                return used;
            }

            if (!TryReadHead(bytes.Slice(used, head)))
            {
                return -1;
            }

            used += head;
        }

        while (!IsComplete)
        {
            DecodeStatus status = _decoder.Step(
                bytes[used..], _trailers, Http1Limits.Response, out int consumed, out ReadOnlySpan<byte> data, out _);
            used += consumed;
            if (status == DecodeStatus.Invalid)
            {
                return -1;
            }

            if (status == DecodeStatus.NeedMore && !(atEnd && EndsWithConnection))
            {
                return used;
            }

            int kept = Math.Min(data.Length, _body.Length - _bodyBytes);
            data[..kept].CopyTo(_body.AsSpan(_bodyBytes));
            _bodyBytes += kept;
            IsComplete = status is DecodeStatus.End or DecodeStatus.NeedMore;
        }

        return used;
    }

    /// <summary>A head that a codec has read.</summary>
    public void TakeHead(HeaderMap headers, int status)
    {
        _headers = headers;
        _status = status;
    }

    /// <summary>A piece of the body behind such a head.</summary>
    public void TakeBody(ReadOnlySpan<byte> data)
    {
        int kept = Math.Min(data.Length, _body.Length - _bodyBytes);
        data[..kept].CopyTo(_body.AsSpan(_bodyBytes));
        _bodyBytes += kept;
    }

    /// <summary>Whether the status means no health and the host adds that it is not to be counted.</summary>
    public bool ExcludesHost => _headers!.Has(WellKnownHeader.XEnvoyImmediateHealthCheckFail) && !Contains(policy.ExpectedStatuses, _status);

    public ProbeResult Judge(bool hasExpectedBody)
    {
        if (!Contains(policy.ExpectedStatuses, _status))
        {
            return Contains(policy.RetriableStatuses, _status) ? ProbeResult.Retriable : ProbeResult.Refused;
        }

        if (!hasExpectedBody)
        {
            return ProbeResult.Refused;
        }

        if (policy.ServiceName is { } service && Verifies())
        {
            bool told = _headers!.TryGet(s_service, out ReadOnlySpan<byte> name);
            if (!told || !service.Matches(name))
            {
                return ProbeResult.WrongService;
            }
        }

        return _headers!.TryGet(s_degraded, out _) ? ProbeResult.Degraded : ProbeResult.Healthy;
    }

    // A whole percentage of the checks.
    private bool Verifies() => policy.VerifyKey?.Entry?.Integer is not { } percent || (ulong)Random.Shared.NextInt64(Percent) < percent;

    // False for what is no response. An interim response (1xx) is passed over.
    private bool TryReadHead(ReadOnlySpan<byte> head)
    {
        var headers = new HeaderMap();
        if (ResponseHeadParser.Parse(head, headers, Http1Limits.Response, out HttpProtocol version, out int status, out _) is not null)
        {
            return false;
        }

        if (status is >= 100 and < 200)
        {
            return status != 101;
        }

        bool toHead = policy.Method == "HEAD";
        if (MessageFraming.OfResponse(headers, status, toHead, out BodyKind kind, out long length) is not null)
        {
            return false;
        }

        _headers = headers;
        _status = status;
        _decoder = BodyDecoder.For(kind, length);
        KeepsAlive = kind != BodyKind.UntilClose && KeepAlive.Allows(headers, version);
        IsComplete = kind == BodyKind.None || (kind == BodyKind.Length && length == 0);
        return true;
    }

    private static bool Contains(IReadOnlyList<(int From, int Below)> ranges, int status)
    {
        foreach ((int from, int below) in ranges)
        {
            if (status >= from && status < below)
            {
                return true;
            }
        }

        return false;
    }
}
