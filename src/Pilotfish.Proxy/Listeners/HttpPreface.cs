namespace Pilotfish.Proxy.Listeners;

internal enum HttpPreface
{
    NeedMore,
    Http10,
    Http11,
    Http2,
    NotHttp,
}
