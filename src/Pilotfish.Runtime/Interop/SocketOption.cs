namespace Pilotfish.Runtime.Interop;

/// <summary>Levels and names of socket options, spelt as in the C headers.</summary>
internal static class SocketOption
{
    internal const int SOL_SOCKET = 1;
    internal const int SO_REUSEADDR = 2;
    internal const int SO_ERROR = 4;
    internal const int SO_SNDBUF = 7;
    internal const int SO_RCVBUF = 8;
    internal const int SO_KEEPALIVE = 9;
    internal const int SO_LINGER = 13;
    internal const int SO_REUSEPORT = 15;
    internal const int SO_MARK = 36;

    internal const int IPPROTO_IP = 0;
    internal const int IP_FREEBIND = 15;
    internal const int IP_TRANSPARENT = 19;
    internal const int IP_BIND_ADDRESS_NO_PORT = 24;
    internal const int SO_ORIGINAL_DST = 80;

    internal const int IPPROTO_TCP = 6;
    internal const int TCP_NODELAY = 1;
    internal const int TCP_KEEPIDLE = 4;
    internal const int TCP_KEEPINTVL = 5;
    internal const int TCP_KEEPCNT = 6;
    internal const int TCP_FASTOPEN = 23;

    internal const int IPPROTO_MPTCP = 262;

    internal const int IPPROTO_IPV6 = 41;
    internal const int IPV6_V6ONLY = 26;
    internal const int IPV6_TRANSPARENT = 75;
    internal const int IPV6_FREEBIND = 78;
    internal const int IP6T_SO_ORIGINAL_DST = 80;
}
