namespace Pilotfish.Runtime.Interop;

/// <summary>
/// The sessions that a client context may resume, the newest of each peer, and the newest of all where a configuration bounds their
/// number. Any thread: workers share the context, so a lock guards
/// the table, once per handshake and per session that a server sends, never per request.
/// </summary>
internal sealed class SslSessionStore(int? sessionsMax)
{
    /// <summary>Peers remembered: a session with its peer's certificate takes some 4 KB.</summary>
    private const int PeersMax = 128;

    /// <summary>Sessions per peer: what an OpenSSL or BoringSSL server sends with each TLS 1.3 handshake.</summary>
    private const int SessionsPerPeerMax = 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<SslSessionKey, List<SslSession>> _sessions = [];
    private readonly Queue<SslSessionKey> _order = [];
    private int _count;

    internal void PostAdd(in SslSessionKey key, SslSession session)
    {
        lock (_lock)
        {
            if (_sessions.TryGetValue(key, out List<SslSession>? known) && known.Exists(session.IsSame))
            {
                session.Dispose();
                return;
            }

            if (known?.Count == SessionsPerPeerMax)
            {
                Remove(known, 0);
            }

            while (_count > 0 && _count >= sessionsMax)
            {
                EvictOldest();
            }

            // The peer itself may have been the oldest.
            if (!_sessions.TryGetValue(key, out known))
            {
                if (_sessions.Count == (sessionsMax ?? PeersMax))
                {
                    EvictOldest();
                }

                _sessions.Add(key, known = []);
                _order.Enqueue(key);
            }

            known.Add(session);
            _count++;
        }
    }

    /// <summary>Lends the newest session of this peer, if there is one; a session of single use is gone afterwards.</summary>
    internal void PostUse(in SslSessionKey key, Action<SslSession> use)
    {
        lock (_lock)
        {
            if (!_sessions.TryGetValue(key, out List<SslSession>? known))
            {
                return;
            }

            while (known.Count > 0)
            {
                SslSession newest = known[^1];
                bool usable = newest.IsResumable;
                if (usable)
                {
                    use(newest);
                }

                if (!usable || newest.IsSingleUse)
                {
                    Remove(known, known.Count - 1);
                }

                if (usable)
                {
                    return;
                }
            }
        }
    }

    private void EvictOldest()
    {
        _sessions.Remove(_order.Dequeue(), out List<SslSession>? oldest);
        while (oldest?.Count > 0)
        {
            Remove(oldest, oldest.Count - 1);
        }
    }

    private void Remove(List<SslSession> sessions, int index)
    {
        sessions[index].Dispose();
        sessions.RemoveAt(index);
        _count--;
    }
}
