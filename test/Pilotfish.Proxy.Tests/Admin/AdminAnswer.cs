namespace Pilotfish.Proxy.Tests.Admin;

internal sealed record AdminAnswer(int Status, string Head, string Body);
