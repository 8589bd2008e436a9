namespace Bookinfo;

/// <summary>One of the four services: maps its routes.</summary>
internal interface IService
{
    void Map(WebApplication app);
}
