using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// One direction of a request through its filters: walks headers, data and trailers from filter to filter, holds them where a filter stops
/// them, and goes on when it resumes. The two directions differ in order and in what lies at the end.
/// <code>
///   headers -> [f0] -> [f1] -> (stopped at f1: headers and body held here) -> [f2] -> end
/// </code>
/// </summary>
public abstract class FilterDirection
{
    private BodyBuffer _held;
    private int _stoppedAt = -1;
    private FilterVerdict _stop;
    private bool _headersHeld;
    private bool _ended;
    private HeaderMap? _trailers;
    private bool _pausedSource;
    private bool _replaced;
    private bool _dropsTrailers;
    private ReadOnlyMemory<byte> _replacement;

    private protected FilterDirection(HttpStream stream) => Stream = stream;

    private protected HttpStream Stream { get; }

    /// <summary>Whether a filter holds the message.</summary>
    public bool IsStopped => _stoppedAt >= 0;

    /// <summary>Whether the head has entered this direction.</summary>
    public bool IsBegun { get; private set; }

    /// <summary>Whether the last part has entered this direction.</summary>
    public bool IsEnded => _ended;

    /// <summary>Bytes on loan for what a filter holds.</summary>
    internal long BufferedBytes => _held.Capacity;

    /// <summary>What a filter holds of a message that was received whole, for the request that begins anew with it.</summary>
    internal BodyBuffer TakeHeld(out HeaderMap? trailers)
    {
        BodyBuffer held = _held;
        _held = default;
        trailers = _trailers;
        _trailers = null;
        if (_pausedSource)
        {
            _pausedSource = false;
            ResumeSource();
        }

        return held;
    }

    /// <summary>A filter that stopped the message lets it go on. Ignored when it is not the one that stopped it.</summary>
    internal void Resume(HttpFilter filter)
    {
        if (_stoppedAt < 0 || Stream.IsEnded || FilterAt(_stoppedAt) != filter)
        {
            return;
        }

        int from = _stoppedAt + 1;
        _stoppedAt = -1;
        if (_headersHeld)
        {
            _headersHeld = false;
            bool endsHere = _ended && _held.Length == 0 && (_trailers is null || _dropsTrailers);
            RunHeaders(from, endsHere);
            if (endsHere || IsStopped || Stream.IsEnded)
            {
                return;
            }
        }

        ReleaseHeld(from);
    }

    internal void Headers(bool end)
    {
        IsBegun = true;
        _ended = end;
        RunHeaders(0, end);
    }

    internal void Data(ReadOnlySpan<byte> data, bool end)
    {
        _ended |= end;
        RunData(0, data, end);
    }

    internal void Trailers(HeaderMap trailers)
    {
        _ended = true;
        RunTrailers(0, trailers);
    }

    /// <summary>The filter that is being shown data or trailers puts these bytes in place of the data, or before the trailers.</summary>
    internal void Replace(ReadOnlyMemory<byte> data)
    {
        _replaced = true;
        _replacement = data;
    }

    /// <summary>The trailers that a filter is being shown are not sent: the body ends the message.</summary>
    internal void DropTrailers() => _dropsTrailers = true;

    internal void Reset()
    {
        IsBegun = false;
        _held.Release();
        _stoppedAt = -1;
        _headersHeld = false;
        _ended = false;
        _trailers = null;
        _pausedSource = false;
        _replaced = false;
        _replacement = default;
        _dropsTrailers = false;
    }

    private protected abstract int Count { get; }

    private protected abstract long BufferLimit { get; }

    /// <summary>The filter at a position of this direction's order.</summary>
    private protected abstract HttpFilter FilterAt(int position);

    private protected abstract FilterVerdict ShowHeaders(HttpFilter filter, bool end);

    private protected abstract FilterVerdict ShowData(HttpFilter filter, ReadOnlySpan<byte> data, bool end);

    private protected abstract FilterVerdict ShowTrailers(HttpFilter filter, HeaderMap trailers);

    private protected abstract void HeadersAtEnd(bool end);

    private protected abstract void DataAtEnd(ReadOnlySpan<byte> data, bool end);

    private protected abstract void TrailersAtEnd(HeaderMap trailers, bool dropped);

    private protected abstract void PauseSource();

    private protected abstract void ResumeSource();

    private protected abstract EndReason TooLarge();

    private void RunHeaders(int from, bool end)
    {
        for (int i = from; i < Count; i++)
        {
            FilterVerdict verdict = ShowHeaders(FilterAt(i), end);
            if (Stream.IsEnded || ReplyTookOver)
            {
                return;
            }

            if (verdict != FilterVerdict.Continue)
            {
                _stoppedAt = i;
                _stop = verdict;
                _headersHeld = true;
                return;
            }
        }

        HeadersAtEnd(end);
    }

    private void RunData(int from, ReadOnlySpan<byte> data, bool end)
    {
        for (int i = from; i < Count; i++)
        {
            bool stoppedHere = i == _stoppedAt;
            if (stoppedHere && _stop == FilterVerdict.Pause)
            {
                Hold(data);
                return;
            }

            FilterVerdict verdict = ShowData(FilterAt(i), data, end);
            if (Stream.IsEnded || ReplyTookOver)
            {
                return;
            }

            if (_replaced)
            {
                data = TakeReplacement();
                if (data.IsEmpty && !end && !stoppedHere && verdict == FilterVerdict.Continue)
                {
                    return;
                }
            }

            if (verdict != FilterVerdict.Continue)
            {
                _stoppedAt = i;
                _stop = verdict;
                Hold(data);
                return;
            }

            if (stoppedHere)
            {
                // What was held before goes first; this piece joins it.
                _held.Append(Stream.Loop.Buffers, data);
                Resume(FilterAt(i));
                return;
            }
        }

        DataAtEnd(data, end);
    }

    private void RunTrailers(int from, HeaderMap trailers)
    {
        for (int i = from; i < Count; i++)
        {
            bool stoppedHere = i == _stoppedAt;
            if (stoppedHere && _stop == FilterVerdict.Pause)
            {
                _trailers = trailers;
                return;
            }

            FilterVerdict verdict = ShowTrailers(FilterAt(i), trailers);
            if (Stream.IsEnded || ReplyTookOver)
            {
                return;
            }

            if (_replaced && !AddBeforeTrailers(i, stoppedHere || verdict != FilterVerdict.Continue))
            {
                return;
            }

            if (verdict != FilterVerdict.Continue || stoppedHere)
            {
                _stoppedAt = i;
                _trailers = trailers;
                if (verdict == FilterVerdict.Continue)
                {
                    Resume(FilterAt(i));
                }
                else
                {
                    _stop = verdict;
                }

                return;
            }
        }

        TrailersAtEnd(trailers, _dropsTrailers);
    }

    private ReadOnlySpan<byte> TakeReplacement()
    {
        ReadOnlySpan<byte> data = _replacement.Span;
        _replaced = false;
        _replacement = default;
        return data;
    }

    // False when the stream is over.
    private bool AddBeforeTrailers(int position, bool held)
    {
        ReadOnlySpan<byte> data = TakeReplacement();
        if (held)
        {
            Hold(data);
        }
        else
        {
            RunData(position + 1, data, end: false);
        }

        return !Stream.IsEnded;
    }

    /// <summary>A request's remaining parts do not reach filters once a local reply was sent.</summary>
    private protected virtual bool ReplyTookOver => false;

    private void ReleaseHeld(int from)
    {
        if (_held.Length > 0 || (_ended && _trailers is null))
        {
            BodyBuffer held = _held;
            _held = default;
            RunData(from, held.Span, _ended && _trailers is null);
            held.Release();
        }

        if (_trailers is { } trailers && !IsStopped && !Stream.IsEnded)
        {
            _trailers = null;
            RunTrailers(from, trailers);
        }

        if (_pausedSource && !IsStopped && !Stream.IsEnded)
        {
            _pausedSource = false;
            ResumeSource();
        }
    }

    private void Hold(ReadOnlySpan<byte> data)
    {
        _held.Append(Stream.Loop.Buffers, data);
        if (_held.Length <= BufferLimit)
        {
            return;
        }

        if (_stop == FilterVerdict.Buffer)
        {
            Stream.PayloadTooLarge(TooLarge());
        }
        else if (!_pausedSource)
        {
            _pausedSource = true;
            PauseSource();
        }
    }
}
