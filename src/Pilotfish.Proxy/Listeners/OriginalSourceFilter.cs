namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// original_src: upstream connections come from the client's address (IP_TRANSPARENT), which the PROXY protocol may have told,
/// with a mark that routing brings the answers back by.
/// </summary>
internal sealed class OriginalSourceFilter(bool bindsPort, int mark) : ListenerFilter
{
    public override ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection)
    {
        if (connection.Info.RemoteAddress.IsIp)
        {
            connection.Info.OriginalSource = bindsPort ? connection.Info.RemoteAddress : connection.Info.RemoteAddress.WithPort(0);
            connection.Info.OriginalSourceMark = mark;
        }

        return new ValueTask<ListenerFilterVerdict>(ListenerFilterVerdict.Continue);
    }
}
