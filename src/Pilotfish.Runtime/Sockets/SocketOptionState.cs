namespace Pilotfish.Runtime.Sockets;

/// <summary>When a <see cref="RawSocketOption"/> is applied; sockets that connect know the first moment alone.</summary>
public enum SocketOptionState
{
    /// <summary>Before bind(2).</summary>
    PreBind,

    /// <summary>Between bind(2) and listen(2).</summary>
    Bound,

    /// <summary>After listen(2).</summary>
    Listening,
}
